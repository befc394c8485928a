"""The roof: the command line, the settings and the assembly of all parts."""
