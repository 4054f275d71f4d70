// Parses Adaptive Cards with Microsoft's own library, as a host of version 1.4 would, and prints its complaints as JSON.
// Run by test_teams_cards.py: node card.cjs LIBRARY < envelopes

globalThis.window = globalThis;
const cards = require(process.argv[2]);
const envelopes = JSON.parse(require("fs").readFileSync(0, "utf-8"));
const complaints = envelopes.map((envelope) => {
  const context = new cards.SerializationContext(cards.Versions.v1_4);
  const card = new cards.AdaptiveCard();
  card.parse(envelope.attachments[0].content, context);
  const parsing = Array.from({ length: context.eventCount }, (_, index) => context.getEventAt(index).message);
  return [...parsing, ...card.validateProperties().validationEvents.map((event) => event.message)];
});
console.log(JSON.stringify(complaints));
