"""The command line: arguments in, exit status out. Knows no rule and no protocol."""
