"""Answers to every port that keep all in memory: for tests and for trying a stage."""
