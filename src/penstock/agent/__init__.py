"""The agent: takes runs of agent pools and queues, and starts them as their infrastructure blocks say."""
