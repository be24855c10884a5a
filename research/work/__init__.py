"""Where long work is done: processes of this machine, or a Dask cluster; a lost worker loses no result."""
