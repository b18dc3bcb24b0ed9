"""Three stages for Rillmail, as a distribution of their own."""
