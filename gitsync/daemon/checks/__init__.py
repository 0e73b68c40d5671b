"""The checks of `doctor`: each is a function with a row in `table`, and changes nothing."""
