/**
 * The alert rules of the speaker. Each speaker tells of its own node, so values are added up over speakers where each address is
 * counted by one of them, and the greatest is taken where all tell of the same.
 */
import type { Alert } from "./alert.ts";

const ADDRESSES: readonly Alert[] = [
  {
    name: "SteelyardAddressNotHeld",
    expression:
      'max by (namespace) (steelyard_placements{candidates="some"}) - sum by (namespace) (steelyard_addresses{state="holding"}) > 0',
    for: "2m",
    severity: "critical",
    summary: "Nobody answers for {{ $value }} addresses of Services for which some node should",
    description:
      "The condition steelyard.dev/Announced of the Service says which, and `steelyard explain service NAMESPACE/NAME` why. If all of them say that somebody answers, Prometheus does not reach the speaker that does.",
  },
  {
    name: "SteelyardAddressWithoutCandidates",
    expression: 'max by (namespace) (steelyard_placements{candidates="none"}) > 0',
    for: "5m",
    severity: "warning",
    summary: "No node may answer for {{ $value }} addresses of Services",
    description:
      "No pod of the Service is ready, or each node is left out for some reason: the condition steelyard.dev/Announced of the Service says which nodes are, and why.",
  },
  {
    name: "SteelyardAddressUnreachable",
    expression: 'sum by (namespace) (steelyard_addresses_probed{verdict="unreachable"}) > 0',
    for: "2m",
    severity: "critical",
    summary: "{{ $value }} addresses of Services do not answer, as seen from another node",
    description:
      "The condition steelyard.dev/Reachable of the Service says at which step: ARP or Neighbour Discovery, the port, the pods.",
  },
  {
    name: "SteelyardAddressFlapping",
    expression: "max by (namespace) (steelyard_addresses_flapping) > 0",
    for: "0m",
    severity: "warning",
    summary: "{{ $value }} addresses moved four times within a minute",
    description:
      "They are not taken back until it has been quiet for a minute. `steelyard events` of the speakers says why each move happened: look for a node that is short of processor time, or a link that loses packets.",
  },
];

const NODES: readonly Alert[] = [
  {
    name: "SteelyardSpeakerDead",
    expression: 'max by (namespace) (steelyard_members{standing="dead"}) > 0',
    for: "5m",
    severity: "warning",
    summary: "{{ $value }} speakers are dead, as others see them",
    description:
      "What they held is held by others. Where their pods run, nothing that they send arrives: let UDP port 3784 through between the nodes, and see that all have the same secret. `steelyard status` of a speaker names them.",
  },
  {
    name: "SteelyardSpeakerCutOff",
    expression: 'max by (namespace, node) (steelyard_company{company="isolated"}) == 1',
    for: "30s",
    severity: "critical",
    summary: "Node {{ $labels.node }} hears neither other speakers nor its gateway",
    description:
      "It answers for no address, so that others can. Look at its network; if it is the only node, at its gateway.",
  },
  {
    name: "SteelyardSpeakerStarved",
    expression: "max by (namespace, node) (steelyard_patience_seconds) > 0",
    for: "5m",
    severity: "warning",
    summary: "The speaker of node {{ $labels.node }} stands still again and again",
    description:
      "Others take over from it only after {{ $value }} s of silence, so that its addresses stay where they are. Give it more processor time: no CPU limit, a request that the scheduler keeps, speaker.realtime=true.",
  },
  {
    name: "SteelyardSpeakerRestarts",
    expression: "max by (namespace, node, pod, part) (changes(steelyard_process_start_time_seconds[1h])) > 2",
    for: "0m",
    severity: "warning",
    summary:
      "The {{ $labels.part }} process of the speaker of {{ $labels.node }} was restarted {{ $value }} times within an hour",
    description:
      "Each time that the wire is, its addresses move; while the agent is, only the cluster is not followed. The log, `kubectl logs --previous` and `kubectl describe` of the pod say why: memory, or a crash.",
  },
  {
    name: "SteelyardSpeakerUnsynced",
    expression: "min by (namespace, node) (steelyard_cluster_read) == 0",
    for: "5m",
    severity: "warning",
    summary: "The speaker of {{ $labels.node }} has not read the cluster since it started",
    description:
      "It goes on from what it knew before. Its log says what the API server answers; code 403 means that a right is missing.",
  },
];

const SESSIONS: readonly Alert[] = [
  {
    name: "SteelyardBgpSessionDown",
    expression: "min by (namespace, node, peer) (steelyard_bgp_session_up) == 0",
    for: "2m",
    severity: "warning",
    summary: "Node {{ $labels.node }} has no BGP session with {{ $labels.peer }}",
    description:
      "That router sends nothing to this node. `steelyard status bgp` of the speaker there says why: what the router said last, or that it does not answer. If no router has a session with any node, addresses that are announced by BGP alone cannot be reached.",
  },
  {
    name: "SteelyardBgpPeerRefused",
    expression:
      'max by (namespace, node, peer, reason) (steelyard_bgp_peer_refused{reason!="metallb-speaker"}) == 1',
    for: "1m",
    severity: "warning",
    summary:
      "BGPPeer {{ $labels.peer }} cannot be as it is asked for on node {{ $labels.node }}: {{ $labels.reason }}",
    description:
      "There is no session with it. `steelyard status bgp`, the log and the ConfigurationState of the node say what to change.",
  },
  {
    name: "SteelyardBgpConfigStale",
    expression: "max by (namespace) (steelyard_bgp_config_stale) == 1",
    for: "1m",
    severity: "warning",
    summary: "BGPPeers or BGPAdvertisements hold something that is refused",
    description:
      "The last valid ones stay in force; a speaker that starts anew has none. The log of the speakers and their ConfigurationStates say what is wrong.",
  },
  {
    name: "SteelyardBgpTrouble",
    expression: "max by (namespace, node, subject) (steelyard_bgp_trouble) == 1",
    for: "1m",
    severity: "warning",
    summary: "On node {{ $labels.node }} this fails: {{ $labels.subject }}",
    description:
      "`steelyard status bgp` of the speaker there says why, such as that another program has the port.",
  },
  {
    name: "SteelyardBgpRoutesLeftOut",
    expression:
      'max by (namespace, node, peer, reason) (steelyard_bgp_left_out_prefixes{reason=~"over-limit|no-next-hop"}) > 0',
    for: "2m",
    severity: "warning",
    summary:
      "Node {{ $labels.node }} does not tell {{ $labels.peer }} of {{ $value }} routes: {{ $labels.reason }}",
    description:
      "over-limit: there are more than the peer is to be told; raise the annotation steelyard.dev/route-limit of the BGPPeer, and what the router takes. no-next-hop: the interface of the session has no address of their family.",
  },
];

/** The alerts of the speaker. */
export const SPEAKER_ALERTS: readonly Alert[] = [...ADDRESSES, ...NODES, ...SESSIONS];
