"""What a store survives: killed processes, damaged files, a full disk, other writers."""

import os
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import numpy as np
import pytest

from eyebright.core.errors import SpaceMismatchError, StoreError, StoreFullError, StoreVersionError
from eyebright.core.types import Embeddings, Records, Space
from eyebright.store import EmbeddedStore, ExactStore, IndexPlan

SPACE = Space("m", "1", 8)
IVF = IndexPlan(flat_max=0, filtered_max=0, least=1)


def rows(start, stop, dimension=8):
    rng = np.random.default_rng([start, stop])
    vectors = rng.normal(size=(stop - start, dimension)).astype(np.float32)
    ids = [f"r{at}" for at in range(start, stop)]
    return Records.of(
        ids,
        vectors,
        [{"n": at, "word": f"w{at}"} for at in range(start, stop)],
        [b"x%d" % at for at in range(start, stop)],
    )


def twin_of(store):
    twin = ExactStore(store.space)
    twin.add(store.get(store.ids()))
    return twin


def assert_finds_all(store, queries=5):
    """The index holds exactly what the records say."""
    twin = twin_of(store)
    asked = Embeddings(np.random.default_rng(3).normal(size=(queries, store.space.dimension)), store.space)
    got, expected = store.search(asked, 10, exact=True), twin.search(asked, 10)
    assert got.ids.tolist() == expected.ids.tolist()
    assert set(store.search(asked, len(store)).ids[0]) == set(store.ids())
    assert store.ids(where="n >= 0") == twin.ids(where="n >= 0")


def start(code, *args, **options):
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, args)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


WRITER = """
    import sys
    import numpy as np
    from eyebright.core.types import Embeddings, Records, Space
    from eyebright.store import EmbeddedStore, IndexPlan

    def vector(at):
        return np.random.default_rng(at).normal(size=8).astype(np.float32)

    def write(say, folder, name, start, stop):
        store = EmbeddedStore.open(folder, Space("m", "1", 8), plan=IndexPlan(flat_max=0, filtered_max=0, least=1))
        for at in range(start, stop, 5):
            numbers = range(at, at + 5)
            store.add(Records.of([f"{name}{i}" for i in numbers], np.array([vector(i) for i in numbers]),
                                 [{"n": i, "word": f"w{i}"} for i in numbers], [str(i).encode() for i in numbers]))
            say(at + 5)
            if at % 20 == 0:
                store.remove([f"{name}{at}"])
                say(-at)
                store.search(Embeddings(vector(at)[None], store.space), 3)
        store.close()
"""
WRITES = (
    WRITER
    + """
    write(lambda number: print(number, flush=True), sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
"""
)
# imports once, then for each line that it reads lets a fork write, kills it at a random moment and tells what it said
NURSERY = (
    WRITER
    + """
    import os, random, signal, time
    import eyebright.store.embedded
    chance = random.Random(0)
    for line in sys.stdin:
        read, out = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read)
            try:
                write(lambda number: os.write(out, b"%d " % number), sys.argv[1], "r", int(line), 10**9)
            finally:
                os._exit(1)
        os.close(out)
        said = os.read(read, 1000)
        time.sleep(chance.random() * 0.05)
        os.kill(child, signal.SIGKILL)
        while more := os.read(read, 65536):
            said += more
        status = os.waitpid(child, 0)[1]
        os.close(read)
        print(os.WTERMSIG(status), said.decode(), flush=True)
"""
)


def test_fifty_kills_lose_nothing_that_was_acknowledged(tmp_path):
    added, removed = 0, set()
    nursery = start(NURSERY, tmp_path / "s", stdin=subprocess.PIPE)
    for _ in range(50):
        nursery.stdin.write(f"{added}\n")
        nursery.stdin.flush()
        answer = nursery.stdout.readline()
        assert answer.startswith("9 "), answer or nursery.stderr.read()
        said = [int(one) for one in answer.split()[1:]]
        added = max([one for one in said if one > 0], default=added)
        removed |= {-one for one in said if one <= 0}
        with EmbeddedStore.open(tmp_path / "s", create=False, plan=IVF) as store:
            ids = store.ids()
            present = {int(one[1:]) for one in ids}
            # a removal that was asked for last may have happened unheard
            assert set(range(added)) - present - removed <= {added - 5}
            assert not present & (removed - {added - 5})
            records = store.get(ids)
            for one, vector, metadata, payload in zip(
                ids, records.vectors, records.metadata, records.payloads, strict=True
            ):
                at = int(one[1:])
                assert vector.tolist() == np.random.default_rng(at).normal(size=8).astype(np.float32).tolist()
                assert metadata == {"n": at, "word": f"w{at}"}
                assert payload == str(at).encode()
            # whole batches only: five records, or four when its first was removed
            unheard = {at for at in present if at >= added}
            assert len(unheard) in (0, 4, 5)
            assert store.search(Embeddings(records.vectors[:1], SPACE), len(ids)).counts.tolist() == [len(ids)]
            assert store.search_text(f"w{max(present)}", 3).counts.tolist() == [1]
            added = max(added, max(present) + 1)
            removed = set(range(added)) - present
    nursery.communicate()
    assert added > 300


@pytest.mark.parametrize(
    "damage", ["missing", "empty", "truncated", "garbage", "one byte", "another store's", "from the future", "a folder"]
)
def test_a_damaged_index_is_made_again(tmp_path, damage):
    with EmbeddedStore.open(tmp_path / "s", SPACE, plan=IVF) as store:
        store.add(rows(0, 300))
    file = tmp_path / "s" / "vectors.index"
    whole = file.read_bytes()
    if damage == "missing":
        file.unlink()
    elif damage == "empty":
        file.write_bytes(b"")
    elif damage == "truncated":
        file.write_bytes(whole[:-100])
    elif damage == "garbage":
        file.write_bytes(os.urandom(len(whole)))
    elif damage == "one byte":
        file.write_bytes(whole[:-50] + bytes([whole[-50] ^ 1]) + whole[-49:])
    elif damage == "another store's":
        with EmbeddedStore.open(tmp_path / "other", SPACE, plan=IVF) as other:
            other.add(rows(1000, 1400))
        file.write_bytes((tmp_path / "other" / "vectors.index").read_bytes())
    elif damage == "from the future":
        # the database was put back from an older copy, the index was not
        kept = (tmp_path / "s" / "store.sqlite3").read_bytes()
        with EmbeddedStore.open(tmp_path / "s", plan=IVF) as store:
            store.remove(["r0"])
            store.add(rows(300, 900))
        (tmp_path / "s" / "store.sqlite3").write_bytes(kept)
    else:
        file.unlink()
        file.mkdir()
    with EmbeddedStore.open(tmp_path / "s", plan=IVF) as store:
        assert len(store) == 300
        assert_finds_all(store)


def test_what_came_and_went_after_the_index_was_saved_is_caught_up(tmp_path):
    with EmbeddedStore.open(tmp_path / "s", SPACE, plan=IVF) as store:
        store.add(rows(0, 300))
    kept = (tmp_path / "s" / "vectors.index").read_bytes()
    with EmbeddedStore.open(tmp_path / "s", plan=IVF) as store:
        store.add(rows(290, 350))
        store.remove(["r5", "r310"])
        store.annotate(["r6"], [{"n": -1}])
    (tmp_path / "s" / "vectors.index").write_bytes(kept)
    with EmbeddedStore.open(tmp_path / "s", plan=IVF) as store:
        assert len(store) == 348
        assert_finds_all(store)
        assert store.ids(where="n = -1") == ["r6"]


def test_two_writers_at_once(tmp_path):
    EmbeddedStore.open(tmp_path / "s", SPACE).close()
    writers = [start(WRITES, tmp_path / "s", name, 1, 401) for name in "ab"]
    for writer in writers:
        _, errors = writer.communicate()
        assert writer.returncode == 0, errors
    with EmbeddedStore.open(tmp_path / "s", plan=IVF) as store:
        assert sorted(store.ids()) == sorted(f"{name}{at}" for name in "ab" for at in range(1, 401))
        assert_finds_all(store)


def test_two_processes_make_the_same_store_at_once(tmp_path):
    makers = [start(WRITES, tmp_path / "s", name, 1, 6) for name in "abc"]
    for maker in makers:
        _, errors = maker.communicate()
        assert maker.returncode == 0, errors
    with EmbeddedStore.open(tmp_path / "s") as store:
        assert len(store) == 15


def test_a_reader_sees_whole_batches_while_another_process_adds(tmp_path):
    store = EmbeddedStore.open(tmp_path / "s", SPACE, plan=IVF)
    store.add(rows(2000, 2005))
    writer = start(WRITES, tmp_path / "s", "r", 1, 1001)
    query = Embeddings(np.ones((1, 8), np.float32), SPACE)
    sizes = []
    while writer.poll() is None:
        found = store.search(query, 5000, exact=True)
        assert found.counts[0] % 5 == 0, "half a batch is seen"
        listed = store.ids(where="n > 0")
        assert len(listed) % 5 == 0
        assert len(listed) >= found.counts[0]
        sizes.append(int(found.counts[0]))
    _, errors = writer.communicate()
    assert writer.returncode == 0, errors
    assert sizes == sorted(sizes)
    assert len(set(sizes)) > 1, "nothing was seen while it was written"
    assert len(store) == 1005
    assert_finds_all(store)
    store.close()


def test_a_full_disk_loses_nothing(tmp_path):
    code = """
        import resource, sys
        import numpy as np
        from eyebright.core.errors import StoreFullError
        from eyebright.core.types import Records, Space
        from eyebright.store import EmbeddedStore
        store = EmbeddedStore.open(sys.argv[1], Space("m", "1", 8))
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
        batch = 0
        try:
            while True:
                ids = [f"{batch}-{i}" for i in range(10)]
                store.add(Records.of(ids, np.ones((10, 8)), [{"n": batch}] * 10, [b"x" * 2000] * 10))
                batch += 1
        except StoreFullError as error:
            print(batch, error)
        print(len(store), flush=True)
        store.close()
    """
    process = start(code, tmp_path / "s")
    out, errors = process.communicate()
    assert process.returncode == 0, errors
    said, size = out.strip().split("\n")
    assert "disk is full" in said
    assert int(said.split()[0]) > 3
    assert int(size) == 10 * int(said.split()[0])
    with EmbeddedStore.open(tmp_path / "s") as store:  # there is room again
        assert len(store) == int(size)
        store.add(rows(0, 50))
        assert len(store) == int(size) + 50


def test_a_full_disk_as_sqlite_says_it(tmp_path):
    with EmbeddedStore.open(tmp_path / "s", SPACE) as store:
        store.add(rows(0, 20))
        store._db.execute("PRAGMA max_page_count = 40")
        with pytest.raises(StoreFullError, match="disk is full"):  # noqa: PT012  (any of the writes may be the one)
            for at in range(20, 100_000, 100):
                store.add(rows(at, at + 100))
        assert len(store) % 100 == 20
        assert_finds_all(store)


def test_an_index_that_cannot_be_saved_is_no_error(tmp_path, monkeypatch):
    monkeypatch.setattr("os.fsync", lambda handle: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with EmbeddedStore.open(tmp_path / "s", SPACE, plan=IVF) as store:
        store.add(rows(0, 300))
        assert_finds_all(store)
    assert sorted(path.name for path in (tmp_path / "s").iterdir()) == ["store.sqlite3"]


def test_what_is_no_store_is_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="expected a folder"):
        EmbeddedStore.open(tmp_path / "file", SPACE)
    with pytest.raises(StoreError, match="no store here"):
        EmbeddedStore.open(tmp_path / "nothing")
    with pytest.raises(StoreError, match="no store here"):
        EmbeddedStore.open(tmp_path / "nothing", SPACE, create=False)
    assert not (tmp_path / "nothing").exists()
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "store.sqlite3").write_text("this is not a database " * 100)
    with pytest.raises(StoreError, match="not a store"):
        EmbeddedStore.open(tmp_path / "text", SPACE)
    (tmp_path / "other").mkdir()
    other = sqlite3.connect(tmp_path / "other" / "store.sqlite3")
    other.execute("CREATE TABLE mine (x)")
    other.commit()
    other.close()
    with pytest.raises(StoreError, match="another program"):
        EmbeddedStore.open(tmp_path / "other", SPACE)


def test_a_damaged_database_says_what_to_do(tmp_path):
    with EmbeddedStore.open(tmp_path / "s", SPACE) as store:
        store.add(rows(0, 2000))
    file = tmp_path / "s" / "store.sqlite3"
    data = bytearray(file.read_bytes())
    data[4096 : len(data) : 1] = os.urandom(len(data) - 4096)
    file.write_bytes(data)
    with pytest.raises(StoreError, match="restore a backup"), EmbeddedStore.open(tmp_path / "s") as store:
        store.get(["r5"])


def test_another_space_and_a_newer_version_are_refused(tmp_path):
    EmbeddedStore.open(tmp_path / "s", SPACE).close()
    other = Space("m", "2", 8)
    with pytest.raises(SpaceMismatchError) as caught:
        EmbeddedStore.open(tmp_path / "s", other)
    assert str(SPACE) in str(caught.value)
    assert str(other) in str(caught.value)
    with sqlite3.connect(tmp_path / "s" / "store.sqlite3") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(StoreVersionError, match="upgrade"):
        EmbeddedStore.open(tmp_path / "s")


def test_reading_only_never_writes(tmp_path):
    with EmbeddedStore.open(tmp_path / "s", SPACE, plan=IVF) as store:
        store.add(rows(0, 300))
    (tmp_path / "s" / "vectors.index").unlink()
    with EmbeddedStore.open(tmp_path / "s", read_only=True, plan=IVF) as store:
        assert_finds_all(store)
        for write in (
            lambda: store.add(rows(0, 1)),
            lambda: store.remove(["r0"]),
            lambda: store.annotate(["r0"], [{}]),
            lambda: store.set_attribute("a", b"b"),
        ):
            with pytest.raises(StoreError, match="reading only"):
                write()
    assert not (tmp_path / "s" / "vectors.index").exists()
    with pytest.raises(StoreError, match="no store here"):
        EmbeddedStore.open(tmp_path / "t", SPACE, read_only=True)


@pytest.fixture
def public_folder():
    """A folder that other users may enter; pytest keeps its own closed, also against ourselves as somebody else."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_a_folder_that_cannot_be_written(public_folder):
    tmp_path = public_folder
    with EmbeddedStore.open(tmp_path / "s", SPACE, plan=IVF) as store:
        store.add(rows(0, 300))
    code = """
        import os, sys
        import numpy as np
        from eyebright.core.errors import StoreError
        from eyebright.core.types import Embeddings, Records, Space
        from eyebright.store import EmbeddedStore
        import eyebright.store._truth
        if os.geteuid() == 0:  # nothing is forbidden to root
            os.chmod(sys.argv[1] + "/..", 0o755)
            os.setegid(65534)
            os.seteuid(65534)
        with EmbeddedStore.open(sys.argv[1], read_only=True) as store:
            print(store.search(Embeddings(np.ones((1, 8)), store.space), 300).counts[0], len(store.ids(where="n < 10")))
        try:
            EmbeddedStore.open(sys.argv[1])
        except StoreError as error:
            print(error)
        try:
            EmbeddedStore.open(sys.argv[1] + "/deeper", Space("m", "1", 8))
        except StoreError as error:
            print(error)
    """
    (tmp_path / "s").chmod(0o555)
    for file in (tmp_path / "s").iterdir():
        file.chmod(0o444)
    process = start(code, tmp_path / "s")
    out, errors = process.communicate()
    (tmp_path / "s").chmod(0o755)
    assert process.returncode == 0, errors
    counted, writing, making = out.strip().split("\n")
    assert counted == "300 10"
    assert "store" in writing
    assert "cannot be" in making
