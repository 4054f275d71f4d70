"""What a Spark cluster starts: ``unwonted spark`` with the arguments of the job; the same file for all of them."""

import sys

from service.cli import main

if __name__ == "__main__":
    main(["spark", *sys.argv[1:]])
