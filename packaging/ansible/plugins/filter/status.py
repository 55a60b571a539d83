"""What `steelyard status --json` of one host, and of two, means for a run that goes from host to host."""

DOCUMENTATION = """
  name: unsettled
  short_description: Why a host is not ready
  description:
    - Takes the answer of C(steelyard status --json) and gives sentences that say why the next host has to wait.
    - An empty list means that the configuration is in force and every router is active or backup, for longer than a
      takeover takes.
  positional: _input
  options:
    _input:
      description: The parsed answer.
      type: dict
      required: true
    may_fault:
      description: A router that a failed check takes out is as ready as it can be, such as one whose API server does not run yet.
      type: bool
      default: false
"""

EXAMPLES = """
- ansible.builtin.assert:
    that: (answer.stdout | from_json | steelyard.loadbalancer.unsettled) == []
"""

RETURN = """
  _value:
    description: Sentences; none when the host is ready.
    type: list
    elements: str
"""

# A takeover is over after three advertisement intervals and a skew of less than one (RFC 9568 6.1).
INTERVALS = 4


def _of_router(router, now, may_fault):
    name, state = router["name"], router["state"]
    if state not in ("active", "backup"):
        if may_fault and state == "fault" and router.get("failed") and not router.get("waiting"):
            return []
        because = router.get("waiting") or ", ".join(router.get("failed") or []) or router.get("reason", "")
        return ["%s is in state %s: %s" % (name, state, because)]
    # Milliseconds; the interval is in microseconds.
    if now - router["since"] < INTERVALS * router["advertisementInterval"] / 1000:
        return ["%s has only just become %s" % (name, state)]
    return []


def unsettled(status, may_fault=False):
    config = status["config"]
    if config.get("refused"):
        return ["the configuration was refused: %s" % "; ".join(config["refused"])]
    if config["generation"] == 0:
        return ["no configuration is in force yet"]
    reasons = []
    if status["forwarding"]["state"] == "failed":
        reasons.append("forwarding failed: %s" % status["forwarding"].get("detail", "see steelyard events"))
    for router in status["routers"]:
        reasons.extend(_of_router(router, status["now"], may_fault))
    return reasons


def out_of_step(status, other):
    """Routers that are active on both hosts, which therefore do not hear each other; one whose identity is about to change on
    the other host is not the same router there."""
    identity = ("name", "vrid", "version", "family")
    active = [
        {tuple(router[key] for key in identity) for router in each["routers"] if router["state"] == "active"}
        for each in (status, other)
    ]
    return sorted("%s is active on both" % router[0] for router in active[0] & active[1])


class FilterModule:
    def filters(self):
        return {"unsettled": unsettled, "out_of_step": out_of_step}
