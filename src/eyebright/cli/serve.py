"""`eyebright serve`: the API and its pages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from eyebright.cli.models import given_home


def serve(
    context: typer.Context,
    home: Annotated[
        Path | None, typer.Option("--home", metavar="DIR", help="Where everything is kept (default: as `eyebright`).")
    ] = None,
    host: Annotated[str, typer.Option("--host", help="Address to listen at; others than loopback need a token.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option("--port", help="0 takes a free one.")] = 8000,
    token: Annotated[
        str | None,
        typer.Option("--token", envvar="EYEBRIGHT_TOKEN", show_envvar=True, help="Secret that clients must bring."),
    ] = None,
    tls_cert: Annotated[Path | None, typer.Option("--tls-cert", metavar="FILE", help="Certificate chain, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option("--tls-key", metavar="FILE", help="Its private key, PEM.")] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option("--allow-host", metavar="NAME", help="A name under which clients may call it.")
    ] = None,
    folder: Annotated[
        list[Path] | None,
        typer.Option("--folder", metavar="DIR", help="Clients may index it (default: on loopback your home and here)."),
    ] = None,
    max_body_mb: Annotated[int | None, typer.Option("--max-body", metavar="MB", help="Largest request.")] = None,
    min_free_mb: Annotated[
        int | None, typer.Option("--min-free", metavar="MB", help="Disk space that uploads leave free (default: 512).")
    ] = None,
    timeout: Annotated[float | None, typer.Option("--timeout", metavar="SECONDS", help="Longest request.")] = None,
    rate: Annotated[float | None, typer.Option("--rate", help="Requests a second and client.")] = None,
    threads: Annotated[int | None, typer.Option("--threads", help="Threads that answer requests.")] = None,
    log_level: Annotated[str, typer.Option("--log-level", help="debug, info, warning or error.")] = "warning",
) -> None:
    """Serve the API and its pages until Ctrl-C or SIGTERM."""
    from eyebright.core.errors import InputError

    if log_level not in ("debug", "info", "warning", "error"):
        raise InputError(f"--log-level: expected debug, info, warning or error, got {log_level!r}")
    try:
        from eyebright.service import Settings
        from eyebright.service import serve as run
        from eyebright.service.settings import MEBIBYTE
    except ModuleNotFoundError as error:
        raise InputError(f"serve: {error.name} is not installed; run: pip install 'eyebright[serve]'") from error
    chosen: dict[str, Any] = {"rate": rate, "request_s": timeout}
    if max_body_mb is not None:
        chosen |= {"max_body_bytes": max_body_mb * MEBIBYTE}
    if min_free_mb is not None:
        chosen |= {"min_free_bytes": min_free_mb * MEBIBYTE}
    settings = Settings(
        home=home or given_home(context),
        host=host,
        port=port,
        token=token or None,
        tls_cert=tls_cert,
        tls_key=tls_key,
        allowed_hosts=tuple(allow_host or ()),
        folders=None if folder is None else tuple(folder),
        threads=threads,
        **{name: value for name, value in chosen.items() if value is not None},
    )
    run(settings, started=lambda address: typer.echo(f"Eyebright at {address} (Ctrl-C ends it)"), log_level=log_level)
