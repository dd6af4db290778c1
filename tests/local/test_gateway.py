"""The loopback endpoint: passes AWS Batch's calls on, and refuses what a web page can send."""

import http.client
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from local.gate import CLOSED
from local.gateway import MAX_BODY, Gateway, Upstream


@pytest.fixture
def api():
    """A stub of the deployed API that remembers its requests."""
    seen = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            if server.closing:
                server.closing -= 1
                return self.close(json.dumps({"message": CLOSED}).encode())
            seen.append((self.command, self.path, dict(self.headers.items()), body))
            answer = b'{"message": "no such queue"}'
            self.send_response(400 if b"bad" in body else 200)
            self.send_header("x-amzn-ErrorType", "ClientException")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_DELETE = do_POST

        def close(self, words):
            self.send_response(503)
            self.send_header("content-length", str(len(words)))
            self.end_headers()
            self.wfile.write(words)

        def log_message(self, format, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.seen, server.closing = seen, 0
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def gateway(api):
    server = Gateway(0, Upstream(f"http://127.0.0.1:{api.server_address[1]}", "abc"), hold=0.6)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def link(gateway):
    connection = http.client.HTTPConnection("127.0.0.1", gateway.server_address[1], timeout=5)
    yield connection
    connection.close()


def ask(link, method="POST", path="/v1/submitjob", body=b"{}", **headers):
    given = {"Content-Type": "application/json"} if method == "POST" else {}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    link.request(method, path, body if method == "POST" else None, given)
    answer = link.getresponse()
    return answer.status, answer.headers, json.loads(answer.read())


def test_a_call_reaches_the_api_signed_for_execute_api(link, api):
    invocation = {"amz_sdk_invocation_id": "i-1", "Authorization": "AWS4-HMAC-SHA256 theirs"}
    status, _, _ = ask(link, body=b'{"jobName": "a"}', **invocation)
    assert status == 200
    method, path, headers, body = api.seen[0]
    assert (method, path) == ("POST", "/_aws/execute-api/abc/$default/v1/submitjob")
    assert body == b'{"jobName": "a"}'
    assert "/execute-api/aws4_request" in headers["Authorization"]
    assert headers["amz-sdk-invocation-id"] == "i-1"


def test_errors_come_back_as_they_are(link):
    status, headers, body = ask(link, body=b'{"bad": 1}')
    assert (status, headers["x-amzn-ErrorType"]) == (400, "ClientException")
    assert body == {"message": "no such queue"}


def test_one_connection_serves_many_calls(link, api):
    for _ in range(3):
        assert ask(link)[0] == 200
    assert ask(link, "GET", "/v1/tags/arn%3Aaws%3Abatch")[0] == 200
    assert ask(link, "DELETE", "/v1/tags/arn%3Aaws%3Abatch?tagKeys=a")[0] == 200
    assert api.seen[-1][1].endswith("/v1/tags/arn%3Aaws%3Abatch?tagKeys=a")


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"Origin": "http://127.0.0.1:4567"}, "Origin is set"),
        ({"Origin": "null"}, "Origin is set"),
        ({"Sec_Fetch_Site": "cross-site"}, "Sec-Fetch-Site is 'cross-site'"),
        ({"Sec_Fetch_Site": "same-origin"}, "Sec-Fetch-Site is 'same-origin'"),
        ({"Host": "evil.example"}, "Host is 'evil.example'"),
        ({"Host": "127.0.0.1.evil.example:80"}, "Host is '127.0.0.1.evil.example:80'"),
        ({"Host": "127.0.0.1:1"}, "Host is '127.0.0.1:1'"),
        ({"Host": "localhost"}, "Host is 'localhost'"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_what_a_web_page_can_send_is_refused(link, api, method, headers, said):
    status, answered, body = ask(link, method, **headers)
    assert (status, answered["x-amzn-ErrorType"]) == (403, "AccessDeniedException")
    assert body["message"].startswith(said)
    assert api.seen == []


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_body_that_is_not_json_is_refused(link, api, kind):
    status, _, body = ask(link, Content_Type=kind)
    assert status == 415
    assert body["message"].startswith(f"Content-Type is '{kind}'")
    assert api.seen == []


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "application/x-amz-json-1.1"])
def test_json_is_json_with_parameters_and_in_aws_s_dialects(link, kind):
    assert ask(link, Content_Type=kind)[0] == 200


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_every_name_of_loopback_is_taken(link, gateway, host):
    assert ask(link, Host=f"{host}:{gateway.server_address[1]}")[0] == 200


def test_a_preflight_is_answered_with_a_refusal_and_no_permission(link):
    status, headers, _ = ask(link, "OPTIONS", Origin="http://evil.example")
    assert status == 403
    assert not [name for name in headers if name.lower().startswith("access-control")]


def test_too_long_a_body_is_refused_unread(link):
    link.putrequest("POST", "/v1/submitjob")
    link.putheader("Content-Type", "application/json")
    link.putheader("Content-Length", str(MAX_BODY + 1))
    link.endheaders()
    answer = link.getresponse()
    assert answer.status == 413
    assert json.loads(answer.read())["message"].startswith(f"The body is {MAX_BODY + 1} bytes")


def test_other_paths_are_not_passed_on(link, api):
    assert ask(link, path="/_aws/lambda")[0] == 404
    assert api.seen == []


def test_a_cloud_that_is_gone_is_a_server_error(gateway, api, link):
    api.shutdown()
    api.server_close()
    status, headers, body = ask(link)
    assert (status, headers["x-amzn-ErrorType"]) == (500, "ServerException")
    assert body["message"] == "The local cloud does not answer."


def test_a_call_is_held_while_the_cloud_is_restarted(gateway, api, link):
    api.closing = 3
    status, _, _ = ask(link)
    assert status == 200
    assert [method for method, *_ in api.seen] == ["POST"], "what was refused was not carried out"


def test_a_call_that_no_cloud_takes_is_not_held_for_ever(api, link):
    api.closing = 1_000_000
    status, headers, _ = ask(link)
    assert (status, headers["x-amzn-ErrorType"]) == (500, "ServerException")
