select day, sum(events) as events
from (select * from {{ ref('web_days') }} union all select * from {{ ref('mobile_days') }})
group by day
