"""`streamspec fuzz-client`: what it prints, writes and exits with."""

import importlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import urlopen

import jsonschema
import pytest
from click.testing import CliRunner

import schemas
from conformance.cli import main
from conformance.loading import load

CLIENTS = Path(__file__).parents[1] / "clientfuzz" / "clients"
CAREFUL = (sys.executable, str(CLIENTS / "careful.py"))
MEMBERS = {"case", "expectation", "outcome", "verdict", "recording"}
SOME = ("--cases", "legal/line-ends/crlf/*", "--cases", "transport/cut/ended/*")


def fuzz(*arguments: str, folder: Path, client: tuple[str, ...] = CAREFUL):
    save = ("--save", str(folder / "kept"), "--json", str(folder / "out.json"), "--limit", "30")
    return CliRunner().invoke(main, ["fuzz-client", *save, *arguments, "--", *client])


def document(folder: Path):
    found = json.loads((folder / "out.json").read_text("utf-8"))
    jsonschema.validate(found, schemas.load("fuzz-client"))
    return found


def test_a_careful_client_passes(tmp_path):
    result = fuzz(*SOME, folder=tmp_path)
    assert 0 == result.exit_code, result.output
    cases = document(tmp_path)["cases"]
    assert {"PASS"} == {case["verdict"] for case in cases}
    assert all(case.keys() >= MEMBERS for case in cases)


def test_a_client_for_each_case_is_told_where_to_ask(tmp_path):
    result = fuzz("--cases", "legal/plain/text/whole", folder=tmp_path, client=(*CAREFUL, "{base_url}", "MODEL"))
    assert 0 == result.exit_code, result.output
    assert "Hello, Gr\u00fc\u00dfe \U0001f44b!" == document(tmp_path)["cases"][0]["report"]["text"]


def test_a_failure_is_shown_with_its_bytes_and_recorded(tmp_path):
    bad = (sys.executable, str(CLIENTS / "makes_up_the_finish.py"))
    result = fuzz("--cases", "transport/cut/ended/after-some-text", folder=tmp_path, client=bad)
    assert 1 == result.exit_code
    assert "FAIL  silent-truncation" in result.output
    assert "streamspec fuzz-client --cases transport/cut/ended/after-some-text" in result.output
    (case,) = document(tmp_path)["cases"]
    assert ("MUST reject", "silent-truncation", "FAIL") == (case["expectation"], case["outcome"], case["verdict"])
    exchange = next(iter(load(Path(case["recording"])))).exchange
    assert b"Hello" in exchange.body
    assert Path(case["scenario"]).read_text("utf-8").startswith("scenario:")


TELLS_LITTLE = """
import json, sys
sys.path.insert(0, {clients!r})
import careful
for line in sys.stdin:
    case = json.loads(line)
    report = careful.ask(case["base_url"], case["model"])
    told = {{"text": report["text"], "finish_reason": None, "usage": None, "error": report["error"]}}
    print(json.dumps(told), flush=True)
"""


def test_what_a_client_does_not_tell_of_is_not_judged_and_that_is_said(tmp_path):
    client = (sys.executable, "-c", TELLS_LITTLE.format(clients=str(CLIENTS)))
    result = fuzz("--cases", "legal/plain/*/whole", folder=tmp_path, client=client)
    assert 0 == result.exit_code, result.output
    assert "it reported no finish_reason, no tool_calls, no usage: that was not judged" in result.output
    assert ["finish_reason", "tool_calls", "usage"] == document(tmp_path)["not_judged"]


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_played(tmp_path):
    (tmp_path / "file").touch()
    result = fuzz("--cases", "legal/plain/*", "--save", str(tmp_path / "file" / "below"), folder=tmp_path)
    assert 2 == result.exit_code
    assert "Not a directory" in result.output


def test_what_cannot_be_kept_at_the_end_loses_no_results(tmp_path):
    bad = (sys.executable, str(CLIENTS / "makes_up_the_finish.py"))
    case = ("--cases", "transport/cut/ended/after-some-text")
    fuzz(*case, folder=tmp_path, client=bad)
    (recording,) = (tmp_path / "kept").glob("*/recordings")
    for file in recording.iterdir():
        file.unlink()
    recording.rmdir()
    recording.write_text("a file")
    (tmp_path / "out.json").unlink()
    result = fuzz(*case, folder=tmp_path, client=bad)
    assert 2 == result.exit_code
    assert "cannot keep what did not pass" in result.output
    assert "silent-truncation" == document(tmp_path)["cases"][0]["outcome"]


def test_examples_are_told_of_in_the_document(tmp_path):
    bad = (sys.executable, str(CLIENTS / "gives_up_at_comments.py"))
    result = fuzz("--examples", "60", "--seed", "1", folder=tmp_path, client=bad)
    assert 1 == result.exit_code, result.output
    found = document(tmp_path)
    assert [case["case"] for case in found["cases"]] == found["examples"]["failures"]
    assert 60 == found["examples"]["wanted"]


@pytest.mark.parametrize(
    ("arguments", "client", "says"),
    [
        (("--cases", "nonsense/*"), CAREFUL, "no case matches 'nonsense/*'"),
        ((), (), "no COMMAND"),
        (("--listen",), CAREFUL, "--listen runs no COMMAND"),
        (("--listen", "--examples", "5"), (), "--listen runs no COMMAND"),
        (("--port", "1"), CAREFUL, "go with --listen"),
        (("--listen", "--host", "192.0.2.1"), (), "cannot listen at 192.0.2.1"),
        (SOME, ("/no/such/program",), "/no/such/program"),
        (SOME, (sys.executable, "-c", "print('no client')"), "does not manage a plain stream"),
        (SOME, (sys.executable, "-c", "import sys; sys.exit('broken')"), "broken"),
    ],
)
def test_a_campaign_that_cannot_be_made_exits_with_two(arguments, client, says, tmp_path):
    result = fuzz(*arguments, folder=tmp_path, client=client)
    assert 2 == result.exit_code
    assert says in result.output


HANGS = """
import json, sys
sys.path.insert(0, {clients!r})
import careful
for line in sys.stdin:
    case = json.loads(line)
    if "silence" in case["case"]:
        open({pipe!r}, "w").close()
        sys.stdin.read()
    print(json.dumps(careful.ask(case["base_url"], case["model"])), flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_report_what_there_was(number, tmp_path):
    pipe = tmp_path / "hangs"
    os.mkfifo(pipe)
    save = ("--save", str(tmp_path / "kept"), "--json", str(tmp_path / "out.json"))
    words = [sys.executable, "-m", "conformance.cli", "fuzz-client", *save, "--limit", "300", "--jobs", "1"]
    patterns = ["--cases", "legal/plain/text/*", "--cases", "transport/silence/after-the-role"]
    client = [sys.executable, "-c", HANGS.format(clients=str(CLIENTS), pipe=str(pipe))]
    process = subprocess.Popen([*words, *patterns, "--", *client])
    try:
        pipe.read_bytes()  # comes back when the client has begun to hang
        process.send_signal(number)
        assert 2 == process.wait(timeout=60)
    finally:
        process.kill()
    found = document(tmp_path)
    assert found["interrupted"]
    assert ["PASS"] * 5 == [case["verdict"] for case in found["cases"]]


def listened(folder: Path, *cases: str, drive):
    """What a campaign by URLs exits with, and what it says; `drive` is given the process and the URL."""
    own = ("--listen", "--port", "0", "--save", str(folder / "kept"), "--json", str(folder / "out.json"))
    words = [sys.executable, "-m", "conformance.cli", "fuzz-client", *own, *cases]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        found = re.search(r"http://\S+(?=/cases;)", process.stderr.readline())
        assert found is not None
        drive(process, found[0])
        said, errors = process.communicate(timeout=60)
        return process.returncode, said + errors
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def ask(monkeypatch):
    """The report of a careful client, by base URL and model."""
    monkeypatch.syspath_prepend(str(CLIENTS))
    return importlib.import_module("careful").ask


def test_a_client_goes_through_the_cases_by_urls(tmp_path, ask):
    def drive(_, url):
        with urlopen(f"{url}/cases") as listed:
            cases = json.loads(listed.read())["cases"]
        for case in cases:
            urlopen(case["report"], json.dumps(ask(case["base_url"], "mock")).encode()).close()
        urlopen(f"{url}/done", b"").close()

    status, said = listened(tmp_path, *SOME, drive=drive)
    found = document(tmp_path)
    assert 0 == status, said
    count = len(found["cases"])
    assert f"{count} of {count} cases were asked for, and {count} reported on" in said
    assert {"PASS"} == {case["verdict"] for case in found["cases"]}
    assert ([], False) == (found["command"], found["interrupted"])


def test_what_nothing_is_reported_of_is_told_by_the_wire_when_ctrl_c_ends_it(tmp_path, ask):
    def drive(process, url):
        ask(f"{url}/case/transport/cut/ended/after-some-text/v1", "mock")
        process.send_signal(signal.SIGINT)

    status, said = listened(tmp_path, *SOME, drive=drive)
    found = document(tmp_path)
    assert 2 == status, said
    assert found["interrupted"]
    (case,) = found["cases"]
    assert ("unreported", "WARN", None) == (case["outcome"], case["verdict"], case["report"])
    assert Path(case["recording"]).is_file()


PAGE = """
async (server) => {
  const ask = async (base, model) => {
    const heard = { text: "", finish_reason: null, error: null };
    try {
      const answer = await fetch(`${base}/chat/completions`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: "Bearer any" },
        body: JSON.stringify({ model, messages: [{ role: "user", content: "Hi" }], stream: true }),
      });
      for (const event of (await answer.text()).split("\\n\\n")) {
        if (event === "" || event === "data: [DONE]") continue;
        for (const choice of JSON.parse(event.slice(6)).choices) {
          heard.text += choice.delta.content ?? "";
          heard.finish_reason = choice.finish_reason ?? heard.finish_reason;
        }
      }
      if (heard.finish_reason === null) throw new Error("cut");
    } catch (error) {
      heard.error = { class: error.name, message: error.message };
    }
    return heard;
  };
  const { cases, model, done } = await (await fetch(`${server}/cases`)).json();
  for (const one of cases) {
    const heard = await ask(one.base_url, model);
    await fetch(one.report, { method: "POST", body: JSON.stringify(heard) });
  }
  await fetch(done, { method: "POST" });
}
"""


class Site(BaseHTTPRequestHandler):
    """An empty page, from a port of its own."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def site():
    """The address of that page: another origin than that of the cases."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://localhost:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_a_page_in_a_browser_goes_through_the_cases(tmp_path, browser, site):
    def drive(_, url):
        page = browser.new_page()
        try:
            page.goto(site)
            page.evaluate(PAGE, url)
        finally:
            page.close()

    some = ("legal/plain/text/*", "legal/framing/continue/*", "transport/cut/*/after-some-text")
    status, said = listened(tmp_path, *(word for glob in some for word in ("--cases", glob)), drive=drive)
    found = [(case["case"], case["verdict"], case["says"]) for case in document(tmp_path)["cases"]]
    assert [] == [one for one in found if one[1] != "PASS"]
    assert 0 == status, said
