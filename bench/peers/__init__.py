"""Other systems under the same load, for comparison."""
