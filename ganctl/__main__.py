"""``python -m ganctl``."""


def main() -> None:
    """Run the command line; a signal while it is still being imported is no traceback either."""
    from ganctl import interrupt, threads

    threads.configure()

    try:
        with interrupt.stop_reasons(immediate=True):
            from ganctl import cli

            cli.main()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except interrupt.Interrupted as error:
        interrupt.exit_now(error.exit_code)
    except SystemExit as left:
        if isinstance(left.__cause__, interrupt.Interrupted):
            interrupt.exit_now(left.__cause__.exit_code)
        raise


if __name__ == "__main__":
    main()
