"""Floor 5: reports to text and files. Pure renderers; nothing is judged here."""
