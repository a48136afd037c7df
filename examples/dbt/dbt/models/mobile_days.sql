select cast(received_at as date) as day, count(*) as events
from {{ source('mobile', 'events') }}
group by 1
union all
select cast(received_at as date) as day, count(*) as events
from {{ source('raw_events', 'ios_tracks') }}
group by 1
