#!lua flags=allow-oom
-- Gives up an inbox entry or a timer: it becomes a dead letter.
-- KEYS[1] {p:s}   ARGV: 1 owner token; 2 source (inbox, inbox:checkout, timers); 3 entry id or member
--   4 score that was claimed (timers); 5 dead letter, JSON
-- Returns ok | fenced | gone
local p = KEYS[1] .. ':'
if redis.call('GET', p .. 'owner') ~= ARGV[1] then return 'fenced' end
if ARGV[2] == 'timers' then
  local score = redis.call('ZSCORE', p .. 'timers', ARGV[3])
  if not score or tonumber(score) ~= tonumber(ARGV[4]) then return 'gone' end
  redis.call('ZREM', p .. 'timers', ARGV[3])
elseif redis.call('XDEL', p .. ARGV[2], ARGV[3]) == 0 then
  return 'gone'
end
redis.call('XADD', p .. 'dead', '*', 'd', ARGV[5])
return 'ok'
