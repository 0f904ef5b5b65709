"""Ways to see from outside whether a server still works on a request. One file each; `choosing` picks one."""
