"""Text Generation Inference of Hugging Face."""

from .dialect import FAIR, NAMED, STRONG, Clue, Dialect, Tolerance

OPENAPI = "https://github.com/huggingface/text-generation-inference/blob/main/docs/openapi.json"
ERRORS = "https://github.com/huggingface/text-generation-inference/blob/main/router/src/infer/mod.rs"
SEEN = "source of 2026"
DELTA = "every delta is a whole text message: role and content, also with the finish_reason"

TGI = Dialect(
    "tgi",
    "Text Generation Inference: flat errors, a role in every chunk, unused parameters",
    (
        Tolerance(
            rule="*/refused/error-object",
            got='{"error": "*"error_type": *',
            reason="ErrorResponse is documented as two texts, error and error_type",
            link=OPENAPI,
            seen=SEEN,
        ),
        Tolerance(
            rule="chat/order/all-choices-sent",
            got="no chunk for choice*",
            request="/n = *",
            reason="n is documented as unused",
            link=OPENAPI,
            seen=SEEN,
        ),
        Tolerance(
            rule="chat/refusals/model-unknown",
            reason="model is documented as unused: one model is served under any name",
            link=OPENAPI,
            seen=SEEN,
        ),
        Tolerance(
            rule="*/errors/has-type",
            got='*"http_status_code": *',
            reason="the error inside a stream is declared as a message and an http_status_code",
            link=ERRORS,
            seen=SEEN,
        ),
        Tolerance(rule="chat/role/sent-once", reason=DELTA, link=OPENAPI, seen=SEEN),
        Tolerance(rule="chat/content/begins-empty", reason=DELTA, link=OPENAPI, seen=SEEN),
        Tolerance(rule="chat/content/finish-carries-none", reason=DELTA, link=OPENAPI, seen=SEEN),
    ),
    (
        Clue(
            r'/system_fingerprint = "\d+\.\d+\.\d+(-dev\d*)?-(sha-[0-9a-f]+|native)"',
            NAMED,
            "a version of TGI in the fingerprint",
        ),
        Clue(r"header x-(compute-type|compute-time|inference-time|time-per-token): .*", FAIR, "a header of TGI's"),
        Clue(r"/error_type = .*", STRONG, "error_type"),
        Clue(r"/error/http_status_code = .*", STRONG, "http_status_code in an error"),
    ),
)
