// Forty orders through @rudderstack/rudder-sdk-node, unmodified; one of them sent twice.
import RudderAnalytics from "@rudderstack/rudder-sdk-node";

const { GREENROOM_COLLECTOR: dataPlaneUrl, GREENROOM_KEY: writeKey, GREENROOM_USER: userId } = process.env;
const client = new RudderAnalytics(writeKey, { dataPlaneUrl, flushAt: 15, errorHandler: fail });

function fail(error) {
  console.error(error);
  process.exit(1);
}

const send = (n) =>
  client.track({
    userId,
    event: "Order Completed",
    messageId: `${userId}-${n}`,
    properties: { order_id: `${userId}-order-${n}`, total: 2.5, quantity: 1 },
  });

client.identify({ userId, traits: { language: "en" } });
for (let n = 0; n < 40; n++) send(n);
send(7);
client.flush((error) => {
  if (error) fail(error);
  // Batches of fifteen may still be under way.
  setTimeout(() => process.exit(0), 1_000);
});
