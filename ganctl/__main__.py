"""``python -m ganctl``."""


def main() -> None:
    """Run the command line; a signal while it is still being imported is no traceback either."""
    from ganctl import interrupt

    try:
        with interrupt.reasons_to_stop(at_once=True):
            from ganctl import cli

            cli.main()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except interrupt.Interrupted as error:
        interrupt.leave(error.exit_code)
    except SystemExit as left:
        if isinstance(left.__cause__, interrupt.Interrupted):
            interrupt.leave(left.__cause__.exit_code)
        raise


if __name__ == "__main__":
    main()
