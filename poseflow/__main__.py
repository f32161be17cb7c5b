"""`python -m poseflow` is the command `poseflow`."""

from poseflow.cli import main

if __name__ == "__main__":
    main()
