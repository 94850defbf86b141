"""How wheels reach people."""
