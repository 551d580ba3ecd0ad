"""The code of a functions file: archived when a run is planned, and imported from there."""
