"""The command `vector-backup`, which `python -m data_pipeline` is too: what unified_api.py does when it is run."""

from data_pipeline.cli import command_line


def main() -> None:
    """Do what the command line asks for. What only a service needs is imported for a service alone."""
    asked = command_line.run(command_line.INSTALLED)
    from unified_api import main as serve

    serve(asked)


if __name__ == "__main__":
    main()
