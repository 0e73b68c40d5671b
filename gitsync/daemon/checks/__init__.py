"""What `doctor` looks at: each check is a function with a row in `table`, and changes nothing."""
