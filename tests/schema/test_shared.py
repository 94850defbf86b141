"""A value that a document repeats is read once; one with a fault is located each time."""

from __future__ import annotations

from scripts.schema.readers import Problems, Reader, listed, shared, text


def counted() -> tuple[Reader[tuple[str, ...]], list[str]]:
    read: list[str] = []

    def item(value: object, where: str, problems: Problems) -> str:
        read.append(where)
        return text(value, where, problems)

    return shared(listed(item)), read


def test_an_equal_value_is_read_once() -> None:
    reader, read = counted()
    problems = Problems()
    found = [reader(["a", "b"], f"row[{index}]", problems) for index in range(3)]
    assert found == [("a", "b")] * 3
    assert read == ["row[0][0]", "row[0][1]"]


def test_a_fault_is_reported_wherever_it_stands() -> None:
    reader, _ = counted()
    problems = Problems()
    for index in range(2):
        reader([False], f"row[{index}]", problems)
    assert [problem.partition(":")[0] for problem in problems] == ["row[0][0]", "row[1][0]"]


def test_another_document_is_read_anew() -> None:
    reader, read = counted()
    for _ in range(2):
        reader(["a"], "row", Problems())
    assert len(read) == 2
