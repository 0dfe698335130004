// Forty orders through @segment/analytics-node, unmodified; one of them sent twice.
import { Analytics } from "@segment/analytics-node";

const { GREENROOM_COLLECTOR: host, GREENROOM_KEY: writeKey, GREENROOM_USER: userId } = process.env;
const errors = [];
const analytics = new Analytics({ writeKey, host, flushAt: 15, maxRetries: 2 });
analytics.on("error", (error) => errors.push(error));

const send = (n) =>
  analytics.track({
    userId,
    event: "Order Completed",
    messageId: `${userId}-${n}`,
    properties: { order_id: `${userId}-order-${n}`, total: 2.5, quantity: 1 },
  });

analytics.identify({ userId, traits: { language: "en" } });
for (let n = 0; n < 40; n++) send(n);
send(7);
await analytics.closeAndFlush({ timeout: 20_000 });
if (errors.length > 0) {
  console.error(errors);
  process.exit(1);
}
