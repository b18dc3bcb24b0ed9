"""The topology, drawn: for a terminal, for pages in Markdown, as a picture, and for machines."""
