"""The parts that come with autotl; each module is a plugin, written as a stranger would write one."""
