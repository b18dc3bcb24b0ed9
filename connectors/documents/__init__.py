"""The text of documents: PDF by pypdf, DOCX, plain text and HTML by ourselves."""
