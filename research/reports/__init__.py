"""Reports of research as pages and pictures: one self-contained file each."""
