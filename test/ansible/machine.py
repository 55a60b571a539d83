"""Connects Ansible to a machine of a test: a process 1 in namespaces of its own, which `ansible_machine_pid` names."""

import os
import subprocess

from ansible.errors import AnsibleError
from ansible.module_utils.common.text.converters import to_bytes
from ansible.plugins.connection import ConnectionBase

DOCUMENTATION = """
    name: machine
    short_description: Enter the namespaces of a process
    description: As root, by nsenter(1).
    author: the steelyard authors
    extends_documentation_fragment: [connection_pipelining]
    options:
      pid:
        description: The process.
        type: int
        required: true
        vars:
          - name: ansible_machine_pid
"""

ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8"}


class Connection(ConnectionBase):
    transport = "machine"
    has_pipelining = True

    def _connect(self):
        if not os.path.exists("/proc/%d/ns/pid" % self.get_option("pid")):
            raise AnsibleError("the machine is gone")
        self._connected = True
        return self

    def exec_command(self, cmd, in_data=None, sudoable=True):
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        return self._run(cmd, in_data)

    def put_file(self, in_path, out_path):
        super().put_file(in_path, out_path)
        with open(in_path, "rb") as source:
            self._copy("cat >%s" % self._shell.quote(out_path), stdin=source)

    def fetch_file(self, in_path, out_path):
        super().fetch_file(in_path, out_path)
        with open(out_path, "wb") as target:
            self._copy("cat -- %s" % self._shell.quote(in_path), stdout=target)

    def close(self):
        self._connected = False

    def _argv(self, cmd):
        inside = ["nsenter", "--target", str(self.get_option("pid")), "--all", "--"]
        return [to_bytes(word) for word in [*inside, "/bin/sh", "-c", "cd /root; " + cmd]]

    def _run(self, cmd, in_data):
        ran = subprocess.run(self._argv(cmd), input=in_data or b"", capture_output=True, env=ENVIRONMENT)
        return ran.returncode, ran.stdout, ran.stderr

    def _copy(self, cmd, **streams):
        ran = subprocess.run(self._argv(cmd), env=ENVIRONMENT, **streams)
        if ran.returncode != 0:
            raise AnsibleError("%s: status %d" % (cmd, ran.returncode))
