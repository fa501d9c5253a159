"""What a load balancer's health check asks an application, and what it makes of the answer."""

from __future__ import annotations

import http.client

from sandbox.services.elasticbeanstalk.options import Options


def health_check(settings: Options) -> tuple[str, set[int]]:
    """Path and good status codes of the default process."""
    space = "aws:elasticbeanstalk:environment:process:default"
    codes: set[int] = set()
    for part in (settings.get((space, "MatcherHTTPCode")) or "200").split(","):
        low, _, high = part.partition("-")
        codes |= set(range(int(low), int(high or low) + 1))
    return settings.get((space, "HealthCheckPath"), "/"), codes


def probe(port: int, path: str, codes: set[int], timeout_s: float = 5.0) -> tuple[str, str] | None:
    """What a load balancer's health check finds: None, or ALB's reason and description."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        connection.request("GET", path, headers={"User-Agent": "ELB-HealthChecker/2.0"})
        status = connection.getresponse().status
    except TimeoutError:
        return "Target.Timeout", "Request timed out"
    except (OSError, http.client.HTTPException):
        return "Target.FailedHealthChecks", "Health checks failed"
    finally:
        connection.close()
    if status in codes:
        return None
    return "Target.ResponseCodeMismatch", f"Health checks failed with these codes: [{status}]"
