"""The composition root and the command line: the only room that names concrete classes and modes."""
