"""What turns pictures into the features that distances between sets of pictures are measured in."""
