"""Files and folders of recordings."""

import json
from pathlib import Path

import pytest

from conformance import loading
from conformance.loading import Loaded, LoadError, load, read_request
from conformance.protocols.exchange import Ending, Request

URL = "http://h/v1/chat/completions"
RECORDING = (
    '{"recording": 1, "layer": "body", "source": {}, "request": {"method": "POST", "url": "http://h/v1/chat/'
    'completions", "body": {"stream": true, "messages": []}}, "response": {"status": 200, "headers": '
    '[["content-type", "text/event-stream"]]}}\n[0.5, "data", "data: [DONE]\\n\\n"]\n[1.0, "eof"]\n'
)
STREAM = "data: [DONE]\n\n"
RESPONSE = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 14\r\n\r\ndata: [DONE]\n\n"
HAR = json.dumps(
    {
        "log": {
            "entries": [
                {
                    "request": {"method": "GET", "url": "http://h/"},
                    "response": {"status": 200, "content": {"text": "x"}},
                },
                {
                    "request": {"method": "POST", "url": URL, "postData": {"text": '{"stream": true}'}},
                    "response": {"status": 200, "content": {"text": STREAM}},
                },
                {
                    "request": {"method": "POST", "url": URL, "postData": {"text": '{"stream": true}'}},
                    "response": {"status": 200, "content": {"size": 14}},
                },
            ]
        }
    }
)
CASSETTE = (
    "interactions:\n- request: {method: POST, uri: 'http://h/v1/chat/completions', body: '{\"stream\": true}'}\n"
    '  response: {status: {code: 200}, body: {string: "data: [DONE]\\n\\n"}}\n'
)
JSON_CASSETTE = json.dumps(
    {
        "interactions": [
            {
                "request": {"method": "POST", "uri": URL, "body": '{"stream": true}'},
                "response": {"status": {"code": 200}, "body": {"string": STREAM}},
            }
        ]
    }
)
EMBEDDINGS = CASSETTE.replace("chat/completions", "embeddings")


def all_of(path: Path, request: Request | None = None) -> list[Loaded]:
    return list(load(path, request=request))


def names(loaded: list[Loaded], folder: Path) -> list[str]:
    return [Path(item.path).relative_to(folder).as_posix() for item in loaded]


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("a.jsonl", RECORDING, "a.jsonl"),
        ("a.sse", STREAM, "a.sse"),
        ("A.SSE", STREAM, "A.SSE"),
        ("a.http", RESPONSE, "a.http"),
        ("a.yaml", CASSETTE, "a.yaml#1"),
        ("a.yml", CASSETTE, "a.yml#1"),
        ("a.json", JSON_CASSETTE, "a.json#1"),
        ("a.txt", RECORDING, "a.txt"),
        ("a.txt", STREAM, "a.txt"),
        ("a.txt", ": comment\n\n" + STREAM, "a.txt"),
        ("a.txt", RESPONSE, "a.txt"),
        ("a.log", "POST /v1/chat/completions HTTP/1.1\r\n\r\n{}" + RESPONSE, "a.log"),
        ("a", CASSETTE, "a#1"),
        ("a", "---\n" + CASSETTE, "a#1"),
        ("a.json", RECORDING, "a.json"),
    ],
)
def test_a_file_of_any_format_is_read(tmp_path: Path, name: str, text: str, wanted: str) -> None:
    (tmp_path / name).write_bytes(text.encode())
    (loaded,) = all_of(tmp_path / name)
    assert names([loaded], tmp_path) == [wanted]
    assert loaded.exchange is not None
    assert loaded.exchange.body == b": comment\n\n" * text.startswith(": comment") + STREAM.encode()


@pytest.mark.parametrize("name", ["page.har", "page.json", "page"])
def test_a_har_gives_each_exchange_a_number_and_a_count_of_what_was_left_out(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(HAR)
    second, third = all_of(path)
    assert (second.path, second.error, second.left_out) == (f"{path}#2", "", 1)
    assert second.exchange is not None
    assert second.exchange.source == second.path
    assert (third.path, third.exchange, third.left_out) == (f"{path}#3", None, 0)
    assert "not saved" in third.error


def test_a_folder_is_read_with_everything_below_it_in_order(tmp_path: Path) -> None:
    write(tmp_path, b_sse=STREAM, a_jsonl=RECORDING, sub__c_http=RESPONSE, sub__d_yaml=CASSETTE, z_har=HAR)
    write(tmp_path, notes_md="# no recording", _hidden_sse=STREAM, _git__x_sse=STREAM)
    wanted = ["a.jsonl", "b.sse", "z.har#2", "z.har#3", "sub/c.http", "sub/d.yaml#1"]
    assert names(all_of(tmp_path), tmp_path) == wanted


def test_in_a_folder_a_broken_file_does_not_hide_the_others(tmp_path: Path) -> None:
    write(tmp_path, a_jsonl="garbage", b_sse=STREAM, c_har="garbage", d_http="garbage", e_yaml="a: [")
    loaded = all_of(tmp_path)
    assert names(loaded, tmp_path) == ["a.jsonl", "b.sse", "c.har", "d.http", "e.yaml"]
    assert [item.exchange is None for item in loaded] == [True, False, True, True, True]
    assert loaded[0].error.startswith("line 1: wanted")


def test_in_a_folder_other_json_and_yaml_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path, package_json='{"name": "x"}', compose_yaml="services: {}", e_yaml=EMBEDDINGS, b_sse=STREAM)
    assert names(all_of(tmp_path), tmp_path) == ["b.sse"]


def test_a_folder_without_recordings_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match=r"no recordings in this folder; what can be read is .*\.jsonl"):
        all_of(tmp_path)
    write(tmp_path, package_json="{}", notes_md="")
    with pytest.raises(LoadError, match="1 files of other kinds passed over"):
        all_of(tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.jsonl", "data: 1\n", "a.jsonl: line 1: wanted"),
        ("a.json", "{}", "what can be read is"),
        ("a.yaml", EMBEDDINGS, "no completion and no event stream among its 1 exchanges"),
        ("a.txt", "hello", "what can be read is"),
        ("a.txt", "", "what can be read is"),
        ("a.har", "{", "no JSON"),
        ("a.http", STREAM, "no HTTP response"),
        ("a.sse", "{}", "a JSON document"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error_that_says_what_can(
    tmp_path: Path, name: str, text: str, says: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(LoadError) as refused:
        all_of(tmp_path / name)
    assert says in str(refused.value)


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="No such file"):
        all_of(tmp_path / "a.jsonl")


def test_a_device_is_not_read() -> None:
    with pytest.raises(LoadError, match="neither a file nor a folder"):
        all_of(Path("/dev/zero"))


@pytest.mark.parametrize("name", ["a.jsonl", "a.sse", "a.har", "a.yaml", "a.txt"])
def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, name: str) -> None:
    with (tmp_path / name).open("wb") as file:
        file.truncate(loading.MAX_FILE + 1)  # sparse: takes no room
    with pytest.raises(LoadError, match="larger than 256 MiB"):
        all_of(tmp_path / name)


def with_companion(name: str) -> str:
    return RECORDING.replace('"source"', f'"probe": "twin", "beside": {json.dumps(name)}, "source"')


def test_the_recording_that_goes_beside_is_read_from_the_same_folder(tmp_path: Path) -> None:
    write(tmp_path, twin_jsonl=with_companion("other.jsonl"), other_jsonl=RECORDING.replace('"eof"', '"reset"'))
    (loaded,) = all_of(tmp_path / "twin.jsonl")
    assert loaded.exchange is not None
    assert loaded.exchange.probe == "twin"
    assert loaded.exchange.beside is not None
    assert (loaded.exchange.beside.ending, loaded.exchange.beside.source) == (
        Ending.RESET,
        str(tmp_path / "other.jsonl"),
    )


def test_what_is_beside_the_recording_beside_is_not_followed(tmp_path: Path) -> None:
    write(tmp_path, a_jsonl=with_companion("a.jsonl"))
    (loaded,) = all_of(tmp_path / "a.jsonl")
    assert loaded.exchange is not None
    assert loaded.exchange.beside is not None
    assert loaded.exchange.beside.beside is None


@pytest.mark.parametrize("name", ["../other.jsonl", "/etc/passwd", "sub/other.jsonl", "..", "sub\\other.jsonl", "C:x"])
def test_a_recording_cannot_name_a_file_elsewhere(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "in"
    write(tmp_path, other_jsonl=RECORDING, in__a_jsonl=with_companion(name), in__sub__other_jsonl=RECORDING)
    with pytest.raises(LoadError, match="/beside: wanted pattern"):
        all_of(folder / "a.jsonl")


@pytest.mark.parametrize(("text", "says"), [(None, "No such file"), ("garbage", "line 1: wanted")])
def test_a_companion_that_cannot_be_read_is_an_error_that_names_it(tmp_path: Path, text: str | None, says: str) -> None:
    write(tmp_path, a_jsonl=with_companion("other.jsonl"), **({"other_jsonl": text} if text else {}))
    with pytest.raises(LoadError, match=f"the recording beside it, other.jsonl: {says}"):
        all_of(tmp_path / "a.jsonl")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('{"model": "m"}', Request("POST", "http://not-recorded/v1/chat/completions", (), {"model": "m"})),
        ('{"url": "http://h/p", "body": {"model": "m"}}', Request("POST", "http://h/p", (), {"model": "m"})),
        (
            '{"method": "post", "url": "http://h/p", "headers": [["a", "b"], ["api-key", "sk"]], "body": "no json"}',
            Request("POST", "http://h/p", (("a", "b"),), "no json"),
        ),
        ('{"headers": {"a": "b"}, "url": "http://h/p", "body": {}}', Request("POST", "http://h/p", (("a", "b"),), {})),
    ],
)
def test_a_request_is_read_from_its_body_or_from_all_of_it(tmp_path: Path, text: str, wanted: Request) -> None:
    (tmp_path / "request.json").write_text(text)
    assert read_request(tmp_path / "request.json") == wanted


def test_a_given_request_goes_with_what_does_not_say_what_was_asked(tmp_path: Path) -> None:
    request = Request("POST", URL, (), {"stream": True, "max_tokens": 3})
    write(tmp_path, a_sse=STREAM, b_http=RESPONSE, c_jsonl=RECORDING)
    asked = [item.exchange.member("max_tokens") for item in all_of(tmp_path, request) if item.exchange]
    assert asked == [3, 3, None]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"body": {}, "headers": 1}', '{"body": {}, "url": "http://["}'])
def test_a_request_file_that_is_wrong_says_what_was_wanted(tmp_path: Path, text: str) -> None:
    (tmp_path / "request.json").write_text(text)
    with pytest.raises(LoadError, match="wanted the JSON body of the request"):
        read_request(tmp_path / "request.json")


def test_a_request_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="No such file"):
        read_request(tmp_path / "request.json")


SHARED = Path(__file__).parents[2] / "shared"


@pytest.mark.parametrize("folder", ["corpus", "captures"])
def test_every_genuine_recording_loads(folder: str) -> None:
    if not (SHARED / folder).is_dir():
        pytest.skip("no ../shared next to the checkout: the genuine recordings are not part of it")
    loaded = all_of(SHARED / folder)
    assert [item for item in loaded if item.exchange is None] == []
    assert len(loaded) == sum(1 for path in (SHARED / folder).rglob("*.jsonl"))
