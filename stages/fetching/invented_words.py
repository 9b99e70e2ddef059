"""The words that the invented comments are made of, by topic and by part of speech.

Every list stands in falling order of use. `_` joins the words of a phrase; irregular forms follow
after colons: `child:children` for a noun, `write:wrote:written` for a verb.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    """Words that occur together: a comment draws its content words from one topic."""

    people: str
    things: str
    stuff: str
    places: str
    actions: str  # what people do to things
    doings: str  # what people do
    faults: str  # what things do
    good: str
    bad: str
    names: str


TOPICS = (
    Topic(  # games
        people="player gamer developer streamer teammate healer noob sniper tester modder",
        things="""game level boss map quest patch weapon server update skin sword character
            console controller button monster dragon potion trophy trailer demo sequel lobby
            loading_screen side_quest tutorial dungeon shield armour_set puzzle cutscene""",
        stuff="loot gold gameplay lag damage experience ammo",
        places="in_the_lobby on_the_server in_the_dungeon on_my_console in_the_arena",
        actions="""play beat:beat:beaten finish buy:bought patch unlock nerf explore craft test
            stream speedrun rush grind:ground complete download install""",
        doings="respawn camp celebrate chat lose:lost win:won",
        faults="crash lag freeze:froze:frozen stutter glitch reload",
        good="fun addictive smooth challenging epic gorgeous immersive balanced classic legendary",
        bad="""broken buggy repetitive overpriced laggy unbalanced boring glitchy unfinished
            grindy""",
        names="Moonforge Pixel_Harbour Dustrunner Castle_Nine Starfarm Ironwhale",
    ),
    Topic(  # music
        people="singer drummer band guitarist rapper fan producer pianist dj choir bassist",
        things="""song album concert video chorus guitar solo beat lyric verse melody remix
            playlist drum microphone tour ticket track voice piano violin trumpet cover bridge
            single intro harmony festival riff encore""",
        stuff="music bass noise rhythm talent applause jazz",
        places="on_the_radio at_the_concert on_stage in_the_studio at_the_festival backstage",
        actions="""sing:sang:sung play record hear:heard love write:wrote:written cover release
            remix perform practise hum whistle replay mix tune""",
        doings="dance rehearse clap sing_along:sang_along:sung_along rap improvise",
        faults="slap echo fade skip buzz",
        good="catchy beautiful soulful loud haunting timeless upbeat melodic acoustic gentle",
        bad="autotuned flat generic noisy overplayed forgettable tuneless muddy cheesy",
        names="The_Paper_Foxes Velvet_Tram Nora_Quill Copper_Sunday Blue_Kettle Tilda_Marsh",
    ),
    Topic(  # football
        people="""player coach referee striker goalkeeper defender captain fan manager winger
            midfielder pundit linesman:linesmen substitute""",
        things="""match goal team season penalty club pass corner trophy league ball red_card
            transfer header tackle jersey contract free_kick derby defence whistle formation
            final stadium throw_in friendly cup scarf:scarves""",
        stuff="possession stamina luck pace teamwork discipline",
        places="""at_the_stadium on_the_pitch in_midfield at_home in_the_box on_the_bench
            in_the_stands""",
        actions="""win:won lose:lost watch score deserve miss play waste defend save tackle sign
            kick coach train book draw:drew:drawn concede""",
        doings="run:ran:run dive pass celebrate retire foul",
        faults="collapse click drag_on slip end",
        good="brilliant solid clinical fast unstoppable tactical historic deserved fearless",
        bad="sloppy lucky lazy offside slow hopeless disallowed careless toothless",
        names="Redhill_United Port_Vane Ashby_Rovers Oaktown Kingsmere Dino_Varga",
    ),
    Topic(  # cooking
        people="cook chef baker waiter guest grandmother neighbour butcher foodie critic",
        things="""recipe cake sauce pan dish meal soup onion oven pie cookie knife:knives pizza
            potato:potatoes lemon tomato:tomatoes sandwich bowl pancake curry omelette carrot
            mushroom dumpling burger loaf:loaves spoon stew salad egg""",
        stuff="garlic butter salt flour cheese pepper sugar rice pasta bread",
        places="in_the_kitchen at_the_market in_the_oven on_the_stove at_the_bakery on_my_plate",
        actions="""cook bake eat:ate:eaten taste burn:burnt make:made serve chop fry season boil
            order stir peel roast slice freeze:froze:frozen reheat""",
        doings="cook eat:ate:eaten bake diet wash_up",
        faults="burn:burnt melt rise:rose:risen smell stick:stuck crumble",
        good="tasty delicious crispy fresh juicy creamy homemade spicy fluffy tender buttery",
        bad="salty bland soggy greasy dry burnt undercooked chewy stale lumpy tasteless",
        names="Chef_Bruno Mama_Pina Golden_Spoon The_Hungry_Otter Olive_Corner",
    ),
    Topic(  # films
        people="actor director villain hero:heroes writer critic stuntman:stuntmen editor viewer",
        things="""movie film scene ending trailer sequel plot character series episode script
            season finale remake twist poster subtitle camera
            documentary cinema premiere soundtrack joke costume prequel screenplay review""",
        stuff="acting dialogue suspense popcorn drama footage",
        places="at_the_cinema on_screen in_the_sequel on_the_set in_the_trailer on_the_sofa",
        actions="""watch film enjoy spoil direct skip rewatch review cast:cast:cast cancel rate
            finish recommend dub pause adapt""",
        doings="act cry laugh cheer yawn fall_asleep:fell_asleep",
        faults="drag flop age buffer surprise_everyone",
        good="funny gripping moving clever stunning original scary touching dark emotional",
        bad="predictable cringe overrated dull pointless confusing shallow wooden slow clichéd",
        names="The_Last_Lantern Winter_Harbour Ada_Finch Night_Bus Captain_Plume Glass_River",
    ),
    Topic(  # school
        people="""teacher student classmate professor principal tutor kid friend examiner
            librarian bus_driver""",
        things="""exam essay lesson grade book class homework_sheet project lecture test question
            answer chapter locker pencil textbook report timetable diploma seminar quiz:quizzes
            deadline equation notebook detention presentation backpack calculator semester""",
        stuff="homework maths history physics grammar chemistry revision",
        places="at_school in_class in_the_library on_the_bus in_the_hallway at_university",
        actions="""learn read:read:read write:wrote:written study fail teach:taught pass solve
            explain choose:chose:chosen copy finish grade mark skip memorise hand_in
            revise""",
        doings="graduate study cheat daydream procrastinate",
        faults="count end confuse_everyone drag_on start",
        good="easy helpful interesting fair useful inspiring patient thorough well-written",
        bad="unfair hard endless tedious strict pointless messy complicated",
        names="Mister_Lowell Miss_Harper Room_Twelve Hillcrest_High Doctor_Penrose",
    ),
    Topic(  # software
        people="""developer user programmer admin tester maintainer hacker designer intern
            reviewer beginner""",
        things="""app update bug program file password website computer laptop button browser
            screen keyboard phone printer driver feature release server script database setting
            error_message crash_report commit backup plugin cable function compiler tablet""",
        stuff="code memory software storage documentation data spam",
        places="on_my_laptop in_the_cloud on_my_phone in_the_terminal on_the_server in_production",
        actions="""install fix update delete open download test debug break:broke:broken restart
            release upload rewrite:rewrote:rewritten uninstall configure document encrypt ship
            review ignore""",
        doings="code log_in google complain refactor relax",
        faults="crash freeze:froze:frozen hang:hung work fail reboot overheat",
        good="fast stable simple reliable elegant secure open free tidy readable portable",
        bad="slow buggy bloated outdated insecure unusable cluttered broken unstable cryptic",
        names="Quillpad Lintbird Nimbus_Nine Tabletop_OS Foxmail_Lite Gearbox",
    ),
    Topic(  # the town council
        people="""mayor councillor voter resident taxpayer candidate neighbour commuter planner
            shopkeeper journalist clerk""",
        things="""road vote budget meeting bridge plan bus_lane election promise tax park bin
            petition street_light car_park project campaign speech library pothole playground
            committee permit roundabout bench fence statue tram fountain bill""",
        stuff="money traffic parking funding rubbish paperwork housing",
        places="""in_town at_the_town_hall on_the_high_street at_the_meeting in_the_park
            near_the_station""",
        actions="""build:built fund repair close support pay_for:paid_for approve oppose promise
            ignore clean plan reject postpone announce cut:cut:cut vote_for debate""",
        doings="vote lie argue resign protest campaign",
        faults="collapse cost_a_fortune:cost_a_fortune close fail leak",
        good="local honest green affordable sensible necessary safe public overdue transparent",
        bad="expensive corrupt dangerous pointless dirty empty noisy wasteful unsafe secret",
        names="Mayor_Tibbs Councillor_Wren Millbrook Station_Road East_Market Mrs_Oakley",
    ),
    Topic(  # pets
        people="vet owner breeder dog_walker neighbour trainer groomer cat_person:cat_people",
        things="""dog cat puppy kitten hamster rabbit parrot toy leash cage bowl tail paw goldfish
            basket collar treat yarn_ball aquarium flea scratching_post bone mouse:mice
            guinea_pig litter_box budgie tortoise whisker carrier""",
        stuff="fur food hay litter barking shedding",
        places="at_the_vet in_the_garden on_the_sofa in_the_basket at_the_shelter on_my_lap",
        actions="""feed:fed love walk adopt cuddle brush wash rescue train chase hide:hid:hidden
            find:found pet spoil follow""",
        doings="nap cuddle snuggle oversleep:overslept",
        faults="bark bite:bit:bitten sleep:slept purr escape scratch drool sneeze",
        good="cute fluffy loyal playful adorable gentle cuddly sleepy curious tiny",
        bad="grumpy smelly noisy hungry shy naughty itchy moody clumsy",
        names="Biscuit Captain_Whiskers Pepper Old_Rufus Noodle Princess_Mittens",
    ),
    Topic(  # travel
        people="tourist pilot guide driver passenger traveller receptionist hiker backpacker",
        things="""trip flight hotel train beach map ticket suitcase city island passport airport
            mountain museum hostel photo bus taxi ferry castle view visa tent postcard sunset
            village lighthouse volcano:volcanoes souvenir guidebook platform""",
        stuff="luggage sunshine sand jet_lag scenery sunscreen",
        places="""at_the_airport on_the_beach in_the_mountains at_the_hotel on_the_train by_the_sea
            at_the_border""",
        actions="""visit book see:saw:seen miss cancel photograph explore pack recommend board
            catch:caught cross climb lose:lost plan""",
        doings="travel fly:flew:flown hike swim:swam:swum snorkel camp",
        faults="leave:left arrive shake:shook:shaken sway stop",
        good="sunny cheap quiet charming scenic relaxing remote peaceful magical ancient",
        bad="crowded late delayed rainy dirty expensive touristy cramped cancelled shabby",
        names="Port_Amaro Lake_Senna Saint_Odile Mount_Brill Isla_Verde Casa_Luna",
    ),
    Topic(  # the encyclopedia
        people="editor author reader moderator contributor admin historian translator newcomer",
        things="""article page source edit section reference sentence revert link paragraph title
            image template rule citation table quote argument draft footnote proposal
            discussion typo policy caption summary map_legend date archive""",
        stuff="vandalism evidence research consensus information spelling nonsense",
        places="""on_the_talk_page in_the_article in_the_archive in_the_introduction
            in_the_edit_history""",
        actions="""edit read:read:read delete revert cite write:wrote:written check move
            translate merge discuss rename improve remove verify quote protect expand""",
        doings="edit disagree vote apologise comment respond",
        faults="exist matter mislead_readers:misled_readers",
        good="neutral reliable accurate notable relevant clear detailed balanced factual concise",
        bad="biased unsourced misleading wrong vague outdated incomplete irrelevant inaccurate",
        names="Old_Harbour_Bridge Lady_Ashgrove Battle_of_Tern User_Kettle Emil_Brandt",
    ),
    Topic(  # cycling and sport
        people="cyclist runner trainer driver mechanic racer pedestrian courier beginner swimmer",
        things="""bike race wheel helmet tyre hill lap workout saddle chain brake marathon lane
            muscle:muscles medal pedal pump puncture gear squat bell training_plan jersey shoe
            treadmill finish_line stopwatch dumbbell kettlebell shortcut""",
        stuff="sweat protein traffic wind stretching mud",
        places="on_the_road at_the_gym in_the_rain on_the_hill on_the_bike_path at_the_start",
        actions="""ride:rode:ridden fix push climb lift clean sell:sold steal:stole:stolen
            pump borrow paint overtake:overtook:overtaken tighten repair""",
        doings="sprint sweat stretch train cycle jog",
        faults="squeak break:broke:broken rattle wobble rust snap",
        good="light fast comfortable sturdy smooth steep fit shiny aerodynamic waterproof",
        bad="flat heavy rusty wobbly painful slippery squeaky exhausting sore",
        names="Tour_of_Marl Silver_Spoke Gina_Rossel Windmill_Hill Coach_Barlow",
    ),
    Topic(  # garden and weather
        people="gardener farmer neighbour florist beekeeper landlord weatherman:weathermen",
        things="""garden flower tree plant rose tulip seed lawn storm cloud shed hedge weed
            cabbage pumpkin strawberry bee ladybird sunflower greenhouse fence pond snail shovel
            raincoat umbrella forecast apple_tree leaf:leaves wheelbarrow""",
        stuff="rain snow compost soil sunshine fog thunder",
        places="in_the_garden under_the_tree in_the_shed by_the_pond in_the_greenhouse outside",
        actions="""plant water grow:grew:grown cut:cut:cut pick dig_up:dug_up trim move harvest
            mow protect collect pull_out""",
        doings="garden shiver dig:dug sunbathe relax",
        faults="bloom grow:grew:grown wither freeze:froze:frozen rot blossom",
        good="green lovely colourful bright wild ripe healthy sunny fragrant leafy",
        bad="cold wet muddy dead frozen stormy windy overgrown gloomy",
        names="Rosemary_Lane Storm_Hector Farmer_Jolly Willow_Park Aunt_Clover",
    ),
    Topic(  # shopping and fashion
        people="customer seller cashier designer model manager delivery_driver blogger tailor",
        things="""shirt parcel shoe price jacket dress bag shop order coupon receipt hat refund
            sneaker queue brand sock package discount mirror zip outfit ring necklace sweater
            scarf:scarves mattress review lipstick warranty""",
        stuff="fashion leather makeup jewellery shipping customer_service",
        places="at_the_mall in_the_shop on_sale at_the_checkout online in_the_window",
        actions="""buy:bought wear:wore:worn return order sell:sold wash send:sent exchange
            iron try_on:tried_on recommend wrap pay_for:paid_for deliver""",
        doings="shop complain pay:paid haggle queue",
        faults="arrive shrink:shrank:shrunk fit tear:tore:torn fade sell_out:sold_out",
        good="stylish cheap comfy elegant soft cosy gorgeous trendy handmade vintage",
        bad="overpriced fake ugly itchy tight faded flimsy late damaged tacky",
        names="Buttons_and_Co Marlow_Street Velora The_Sock_Barn Tansy",
    ),
)

TIMES = """today yesterday last_night this_morning last_week again tonight on_monday this_year
    every_day on_friday in_2019 last_summer at_midnight two_years_ago over_the_weekend on_sunday
    in_april for_weeks since_january in_october before_breakfast after_work in_winter"""
ADVERBS = """really actually never always still just probably honestly usually finally
    definitely only basically often clearly rarely literally secretly barely totally"""
DEGREES = "so really very too pretty quite way_too absolutely extremely incredibly rather kinda"
RELATIVES = """friend brother sister dad cousin boss roommate uncle aunt mum
    colleague nephew niece flatmate"""
VERDICTS = """good great nice bad awesome terrible amazing awful perfect weird cool strange fine
    wonderful horrible decent underrated fantastic excellent mediocre disappointing special"""
HASHTAGS = """fail love win monday throwback justsaying nofilter help mood facts tbt random
    goals sorrynotsorry weekend"""
SMILEYS = ":) <3 :( :D ;) :P xD :-) :/ =)"
EMOJI = "😂 ❤️ 😭 🔥 😍 👍 🙄 😊 🎉 💀 🤔 👏 🙏🏽 🐶 ⚽ 🎵 👩‍🍳"
FIRST_NAMES = """alex sam max kim lena tom ben mia leo nina oscar ivy finn lola hugo ella theo
    ruby jonas clara"""

RUDE_NOUNS = """clown loser muppet joke fool liar troll fraud donkey coward crybaby hypocrite pest
    loudmouth jerk windbag weasel potato:potatoes turnip donut cheat numpty poser bully snob
    brat buffoon gasbag worm keyboard_warrior creep cabbage show-off sore_loser
    bore doormat waste_of_space"""
RUDE_QUALITIES = """pathetic stupid useless ridiculous clueless annoying worthless disgusting
    arrogant miserable selfish lazy silly spineless smug whiny petty shameless rotten
    two-faced bitter laughable talentless gutless revolting nasty sad charmless"""
RUDE_ORDERS = """shut_up get_lost go_away grow_up get_a_life log_off go_cry_about_it
    stop_whining sit_down delete_your_account keep_quiet get_over_yourself take_a_hike
    crawl_back_under_your_rock do_us_all_a_favour_and_leave"""
RUDE_HASHTAGS = "loser clown shutup fail pathetic getalife nobodycares troll blocked"
