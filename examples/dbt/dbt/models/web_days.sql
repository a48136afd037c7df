select cast(received_at as date) as day, count(*) as events
from {{ source('web', 'tracks') }}
group by 1
