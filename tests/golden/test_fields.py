# SPDX-License-Identifier: Apache-2.0
"""The field table against the registries it stands for, and the program against the table.

The registries' facts (elements/iana.csv, elements/enterprise.csv) lie beside WEIR_DATA; without
them the comparison skips. An enterprise's element may bear its owner's prefix where its name was
taken.
"""
import csv
import re

import pytest

import runner

TABLE = runner.ROOT / "src" / "record"
LINE = re.compile(r'^FIELD\("([^"]+)", "([^"]*)", (\d+), (\d+), (\w+), (\w+), '
                  r'"([^"]*)",\s+"([^"]*)"\)$', re.M)
INCLUDE = re.compile(r'^#include "record/(fields/\w+\.def)"$', re.M)
TYPES = {
    "U8": "unsigned8", "U16": "unsigned16", "U32": "unsigned32", "U64": "unsigned64",
    "U256": "unsigned256", "S8": "signed8", "S16": "signed16", "S32": "signed32", "S64": "signed64",
    "FLOAT32": "float32", "FLOAT64": "float64", "BOOLEAN": "boolean", "MAC": "macAddress",
    "STRING": "string", "OCTET_ARRAY": "octetArray", "IPV4": "ipv4Address", "IPV6": "ipv6Address",
    "SECONDS": "dateTimeSeconds", "MILLISECONDS": "dateTimeMilliseconds",
    "MICROSECONDS": "dateTimeMicroseconds", "NANOSECONDS": "dateTimeNanoseconds",
    "BASIC_LIST": "basicList", "SUB_TEMPLATE_LIST": "subTemplateList",
    "SUB_TEMPLATE_MULTI_LIST": "subTemplateMultiList",
}
PREFIXES = {6871: "cert", 8057: "cesnet", 9: "cisco", 5951: "netscaler", 6876: "vmware",
            39499: "flowmon"}


def camel(word):
    head, *rest = word.lower().split("_")
    return head + "".join(part.capitalize() for part in rest)


def read_table():
    """(enterprise, number) -> name, type, semantics, unit, text, as the .def files say."""
    table = {}
    for name in INCLUDE.findall((TABLE / "fields.def").read_text()):
        source = (TABLE / name).read_text()
        lines = LINE.findall(source)
        assert len(lines) == source.count("FIELD("), f"{name}: a line of another form"
        for name, _, pen, number, kind, semantics, unit, text in lines:
            assert (int(pen), int(number)) not in table, f"{pen}/{number} twice"
            table[int(pen), int(number)] = name, TYPES[kind], camel(semantics), unit, text
    return table


def read_registry(name):
    path = runner.DATA.parent / "elements" / name
    if not path.is_file():
        pytest.skip(f"WEIR_DATA: no {name} beside it")
    with path.open(newline="") as lines:
        return list(csv.DictReader(lines))


def differences_iana(table, registry):
    for row in registry:
        wanted = (row["name"], row["type"], row["semantics"],
                  "" if row["units"] == "none" else row["units"])
        found = table.get((0, int(row["id"])), ())
        if found[:4] != wanted:
            yield f"{row['id']}: {found[:4]}, the registry has {wanted}"
        elif (row["status"] == "deprecated") != found[4].startswith("deprecated: "):
            yield f"{row['id']}: status {row['status']}, but: {found[4]}"


def test_iana():
    table, registry = read_table(), read_registry("iana.csv")
    assert list(differences_iana(table, registry)) == []
    assert {number for pen, number in table if pen == 0} == {int(row["id"]) for row in registry}


def test_enterprises():
    table, registry = read_table(), read_registry("enterprise.csv")
    names = {entry[0] for entry in table.values()}
    for row in registry:
        pen, name = int(row["pen"]), row["name"]
        found = table[pen, int(row["id"])]
        prefixed = PREFIXES[pen] + name[0].upper() + name[1:]
        assert found[0] in (name, prefixed)
        if found[0] == prefixed:        # only because somebody else has the name
            assert name.lower() in {other.lower() for other in names}
        assert found[1].lower() == row["type"].lower()
        assert found[2] == (row["semantics"].strip() or "default")
    known = {(int(row["pen"]), int(row["id"])) for row in registry}
    assert {key for key in table if key[0] in PREFIXES} == known


@pytest.mark.parametrize("column, value",
                         enumerate(("anotherName", "unsigned16", "flags", "flows")))
def test_a_planted_difference_is_seen(column, value):
    row = dict(name="octetDeltaCount", type="unsigned64", semantics="deltaCounter", units="octets",
               id="1", status="current")
    entry = ["octetDeltaCount", "unsigned64", "deltaCounter", "octets", "octets"]
    assert list(differences_iana({(0, 1): tuple(entry)}, [row])) == []
    assert list(differences_iana({(0, 1): tuple(entry)}, [dict(row, status="deprecated")])) != []
    assert list(differences_iana({}, [row])) != []
    entry[column] = value
    assert list(differences_iana({(0, 1): tuple(entry)}, [row])) != []


def test_the_program_has_the_table():
    """`weir fields`: number, name, type, unit, text of every line, and no other."""
    output = runner.weir("fields").output.decode()
    printed = {}
    for line in output.splitlines():
        number, name, kind, unit, text = line.split("\t")
        printed[tuple(map(int, number.split("/")))] = name, kind, unit, text
    table = {key: (entry[0], entry[1], entry[3], entry[4]) for key, entry in read_table().items()}
    assert printed == table
