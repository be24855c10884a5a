"""One row of `quarterdeck bench research`, in a process that starts as the commands do."""

import sys

from cli.research.lean_start import leave_out

if __name__ == "__main__":
    leave_out()
    from cli.bench_research import main

    sys.exit(main(sys.argv[1:]))
