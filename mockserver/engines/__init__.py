"""Where the words of a reply come from."""
