"""`eyebright faces`: face recognition, with "unknown" as an answer."""

from __future__ import annotations

import typer

from eyebright.cli import _faces_gallery as gallery
from eyebright.cli import _faces_groups as groups
from eyebright.cli import _faces_people as people
from eyebright.cli import _faces_watch as watching
from eyebright.cli._faces_eval import evaluate

app = typer.Typer(no_args_is_help=True, help='Recognise people, with "unknown" as an answer.')
app.command()(gallery.enroll)
app.command()(gallery.identify)
app.command()(gallery.verify)
app.command()(gallery.calibrate)
app.command("eval")(evaluate)
app.command()(groups.cluster)
app.command()(groups.name)
app.command()(groups.blur)
app.command()(watching.watch)
app.command()(watching.presence)
app.command()(people.people)
app.command()(people.rename)
app.command()(people.merge)
app.command()(people.split)
app.command("not")(people.reject)
app.command()(people.forget)
app.command()(people.purge)
app.command()(people.export)
app.command("import")(people.import_)
app.command()(people.migrate)
app.command()(people.audit)
