"""Images between files, arrays and tensors.

formats     the file formats that can be read
scanning    the image files below a folder
reading     files of any format and mode, decoded to 8-bit sRGB
conversion  any Pillow mode to 8-bit RGB, one size to another
repair      files with malformed metadata or without their last bytes
profiles    ICC colour profiles, to sRGB and back
probing     the size and mode of a file
writing     images as the bytes of a file, and what each format can hold
grids       tensors as grids and single files
captions    what the columns and rows of a preview are, in its file
thumbnails  small WebP files for a page
frames      the frames of an animation
animation   GIFs and videos
"""
