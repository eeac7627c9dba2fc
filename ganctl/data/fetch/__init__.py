"""Downloads with mirrors and checksums, and archives unpacked without trust."""
