/** The configuration to start from. */

/** All comments, so that nothing happens by itself; without the first two characters of its lines it is a whole edge. */
export const STARTING_CONFIGURATION = `# What this box does as a steelyard edge. Every *.yaml in this directory belongs to it.
#
# Take the "# " from the lines below and put your own addresses in; on the other box the same with another priority. Then:
#
#   steelyard check /etc/steelyard
#   systemctl enable --now steelyard-edge
#   steelyard status
#
# A change of this file is applied by itself once it is valid, and what did not change is not touched.

# apiVersion: steelyard.dev/v1alpha1
# kind: VirtualRouter
# metadata:
#   name: home
# spec:
#   interface: eth0                 # this box's, see \`ip -br address\`
#   vrid: 51                        # the same on both boxes, and used by nothing else on this network
#   priority: 150                   # 100 on the other box: the higher one holds the address
#   advertisementInterval: 200ms    # the other box takes over after about three of these
#   addresses:
#     - 192.0.2.10/24               # a free address of this network, outside the DHCP range
# ---
# apiVersion: steelyard.dev/v1alpha1
# kind: VirtualServer
# metadata:
#   name: web
# spec:
#   address: 192.0.2.10
#   port: 80
#   backends:
#     - { name: node-1, address: 192.0.2.21, port: 30080 }
#     - { name: node-2, address: 192.0.2.22, port: 30080 }
#   health:
#     http: { path: /healthz }
`;

/** The same for `steelyard vip`: the file is the same on every control-plane host. */
export const STARTING_ENDPOINT = `# The address of this cluster's API servers. The same file on every control-plane host.
#
# Take the "# " from the lines below and put your own addresses in. Then, on each host:
#
#   steelyard preflight --config /etc/steelyard/vip.yaml
#   systemctl enable --now steelyard-vip
#   steelyard status

# apiVersion: steelyard.dev/v1alpha1
# kind: ControlPlaneEndpoint
# metadata:
#   name: api
# spec:
#   addresses:
#     - 192.0.2.10/24               # a free address of this network, outside the DHCP range
#   interface: eth0                 # that has this host's address, see \`ip -br address\`
#   peers:                          # all control-plane hosts, this one included
#     - 192.0.2.1
#     - 192.0.2.2
#     - 192.0.2.3
#   apiServer:
#     caFile: /etc/kubernetes/pki/ca.crt  # the cluster's authority; the user steelyard must be able to read it
`;
