"""Writing a work tree: file by file, below a directory handle, journalled, each file checked against what it was."""
