-- Deployments whose new runs are cancelled when no slot is free are looked at often, and there are few of them.
create index deployments_cancelling_new on deployments (limit_id) where cancel_new;
