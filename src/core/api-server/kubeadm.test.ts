import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { nodeNameIn, renderInitConfiguration, serverFlagsIn } from "./kubeadm.ts";

const MANIFEST = `spec:
  containers:
  - command:
    - kube-apiserver
    - --advertise-address=192.0.2.1
    - --secure-port=6443
    - --tls-cert-file=/etc/kubernetes/pki/apiserver.crt
`;

describe("the flags of the API server's static pod", () => {
  it("say under which address and port the node is known", () => {
    assert.deepEqual(serverFlagsIn(MANIFEST), {
      ...{ advertiseAddress: "192.0.2.1", securePort: 6443 },
      certificateFile: "/etc/kubernetes/pki/apiserver.crt",
    });
  });

  it("are unknown where they are not there, or are none", () => {
    for (const text of ["", "    - --advertise-address=$(IP)\n    - --secure-port=x\n"]) {
      assert.deepEqual(serverFlagsIn(text), {
        ...{ advertiseAddress: undefined, securePort: undefined, certificateFile: undefined },
      });
    }
  });
});

describe("the node's name in an old certificate", () => {
  const old = ["kubernetes", "kubernetes.default.svc.cluster.local", "n1", "lb.example.org", "10.96.0.1"];

  it("is the one name that nothing else explains", () => {
    assert.equal(nodeNameIn(old, { explained: ["lb.example.org"] }), "n1");
  });

  it("is left to kubeadm when it is not clear", () => {
    assert.equal(nodeNameIn(old, { explained: [] }), undefined);
    assert.equal(nodeNameIn([], { explained: [] }), undefined);
  });
});

describe("the configuration for one node", () => {
  it("says what is known and nothing else", () => {
    const flags = serverFlagsIn(MANIFEST);
    assert.deepEqual(
      JSON.parse(renderInitConfiguration({ apiVersion: "kubeadm.k8s.io/v1beta4", flags, nodeName: "n1" })),
      {
        apiVersion: "kubeadm.k8s.io/v1beta4",
        kind: "InitConfiguration",
        localAPIEndpoint: { advertiseAddress: "192.0.2.1", bindPort: 6443 },
        nodeRegistration: { name: "n1" },
      },
    );
    const nothing = { apiVersion: "v", flags: serverFlagsIn(""), nodeName: undefined };
    assert.deepEqual(JSON.parse(renderInitConfiguration(nothing)), {
      apiVersion: "v",
      kind: "InitConfiguration",
    });
  });
});
