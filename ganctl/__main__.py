"""``python -m ganctl``."""


def main() -> None:
    """Run the command line; an interrupt while it is still being imported is no traceback either."""
    try:
        from ganctl import threads

        threads.configure()
        from ganctl import cli

        cli.main()
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
