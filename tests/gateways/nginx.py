"""nginx in five configurations, each the few lines by which it differs from the snippet everybody starts with."""

from pathlib import Path

from .program import Program

CONFIGURATION = """\
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log stderr warn;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/client_body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass {upstream};
      {lines}
    }}
  }}
}}
"""
INSTALL = "docs/gateways/install.sh FOLDER nginx"


def _program(name: str, says: str, *lines: str) -> Program:
    def command(upstream: str, port: int, folder: Path) -> tuple[str, ...]:
        text = CONFIGURATION.format(folder=folder, port=port, upstream=upstream, lines="\n      ".join(lines))
        Path(folder, "nginx.conf").write_text(text)
        return "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")

    return Program(f"nginx-{name}", says, "nginx", command, ("nginx", "-v"), INSTALL, drops_root=True)


DEFAULT = _program("default", "proxy_pass and nothing else: HTTP/1.0 to the upstream, buffered")
BUFFERED = _program("buffered", "proxy_http_version 1.1, buffered", "proxy_http_version 1.1;")
UNBUFFERED = _program("unbuffered", "1.1, proxy_buffering off", "proxy_http_version 1.1;", "proxy_buffering off;")
GZIP = _program(
    "gzip",
    "1.1, buffered, gzip of event streams",
    "proxy_http_version 1.1;",
    "gzip on;",
    "gzip_types *;",
    "gzip_proxied any;",
)
IGNORES_ABORT = _program(
    "ignores-abort",
    "1.1, proxy_buffering off, proxy_ignore_client_abort on",
    "proxy_http_version 1.1;",
    "proxy_buffering off;",
    "proxy_ignore_client_abort on;",
)
ALL = (DEFAULT, BUFFERED, UNBUFFERED, GZIP, IGNORES_ABORT)
