"""`python -m mactuner_core` is the command `mactuner`."""

from mactuner_core.cli.main import main

if __name__ == "__main__":
    main()
