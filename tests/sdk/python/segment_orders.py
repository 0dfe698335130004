"""Forty orders through segment-analytics-python, unmodified; one of them sent twice."""

import os
import sys

import segment.analytics as analytics

user = os.environ["GREENROOM_USER"]
errors = []
analytics.write_key = os.environ["GREENROOM_KEY"]
analytics.host = os.environ["GREENROOM_COLLECTOR"]
analytics.on_error = lambda error, batch: errors.append(error)
analytics.max_retries = 2


def send(n):
    analytics.track(
        user,
        "Order Completed",
        {"order_id": f"{user}-order-{n}", "total": 2.5, "quantity": 1},
        message_id=f"{user}-{n}",
    )


analytics.identify(user, {"language": "en"})
for n in range(40):
    send(n)
send(7)
analytics.flush()
analytics.shutdown()
if errors:
    sys.exit(str(errors))
